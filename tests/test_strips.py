"""Strips: where a frame's rows are cut out, in which light, and that nothing is lost."""

import numpy as np
import pytest

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.page.layout import KIT
from ecgpipe.trace.decode import to_mv
from ecgpipe.trace.strips import PAPER, StripSpec, flatten_light
from tests.drawn import SMALL_FRAME, drawn_frame

SPEC, SMALL = StripSpec(), StripSpec(SMALL_FRAME)
ROWS, SAMPLES = SPEC.rows, SPEC.samples


@pytest.mark.parametrize("row", range(ROWS))
def test_a_line_drawn_at_a_known_voltage_is_cut_where_the_decoder_looks_for_it(row):
    mv = np.full((ROWS, SAMPLES), 0.75)
    strip = SPEC.cut(drawn_frame(mv, SPEC.frame), row, fill=255).astype(float)[..., 0]
    column = SPEC.first_sample // SPEC.samples_per_px + 1000
    ink = np.where(np.abs(np.arange(SPEC.height) - SPEC.height / 2 + 60) < 20, 255 - strip[:, column], 0)
    height = (ink * np.arange(SPEC.height)).sum() / ink.sum()
    assert to_mv(height, SPEC.baseline(row), SPEC.frame.raster.px_per_mv) == pytest.approx(0.75, abs=0.002)


def test_the_first_sample_is_at_time_zero():
    frame = np.zeros((*SPEC.frame.shape, 3), np.uint8)
    frame[:, round(KIT.left_mm * SPEC.frame.px_per_mm_x)] = 255
    assert SPEC.cut(frame, 0)[256, SPEC.first_sample // SPEC.samples_per_px, 0] == 255


def test_strips_hold_the_whole_recording_and_divide_by_32():
    for spec in (SPEC, SMALL):
        assert spec.height % 32 == spec.width % 32 == 0
        assert spec.first_sample >= 0
        assert spec.first_sample + SAMPLES <= spec.width * spec.samples_per_px


def test_strips_are_blank_paper_outside_page_and_picture():
    frame, inside = np.zeros((*SPEC.frame.shape, 3), np.uint8), np.ones(SPEC.frame.shape, bool)
    inside[:, -800:] = False
    strips = SPEC.cut_all(frame, inside)
    assert strips.shape == (ROWS, SPEC.height, SPEC.width, 3)
    assert (strips[3, -10:] == PAPER).all()  # below the page
    assert (strips[0, :, -600:] == PAPER).all()


def test_page_of_the_strip_reaches_past_the_paper():
    assert SPEC.top(3) + SPEC.height > KIT.height_mm * SPEC.frame.px_per_mm_y
    assert SPEC.left + SPEC.width < KIT.width_mm * SPEC.frame.px_per_mm_x
    assert SPEC.baseline(0) - SPEC.height // 2 == pytest.approx(KIT.baselines_mm[0] * 8 % 1)


@pytest.mark.parametrize("px_per_s", [175.0, 1000.0, 200.0])
def test_a_raster_without_whole_samples_in_a_column_is_refused(px_per_s):
    with pytest.raises(ParamsError, match="px_per_s"):
        StripSpec(FrameSpec(raster=Raster(px_per_s=px_per_s)))


def test_flat_light_removes_a_shadow():
    light = np.linspace(0.4, 1, 800)[None, :, None]
    paper = np.full((400, 800, 3), (240, 230, 200)) * light
    flat = flatten_light(paper.astype(np.uint8))
    assert np.abs(flat.astype(int) - PAPER).max() < 15
