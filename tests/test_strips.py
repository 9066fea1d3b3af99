"""Strips: where a frame's rows are cut out, in which light, and that nothing is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.page.layout import KIT
from ecgpipe.trace.decode import to_mv
from ecgpipe.trace.strips import FS_HZ, PAPER, StripSpec, flatten_light
from tests.drawn import SMALL_FRAME, drawn_frame
from tests.layouts import each_layout

SPEC, SMALL = StripSpec(), StripSpec(SMALL_FRAME)
ROWS, SAMPLES = SPEC.rows, SPEC.samples


@pytest.mark.parametrize("row", range(ROWS))
def test_a_line_drawn_at_a_known_voltage_is_cut_where_the_decoder_looks_for_it(row):
    mv = np.full((ROWS, SAMPLES), 0.75)
    strip = SPEC.cut(drawn_frame(mv, SPEC.frame), row, fill=255).astype(float)[..., 0]
    column = SPEC.first_sample // SPEC.samples_per_px + 1000
    ink = np.where(np.abs(np.arange(SPEC.height) - SPEC.height / 2 + 60) < 20, 255 - strip[:, column], 0)
    height = (ink * np.arange(SPEC.height)).sum() / ink.sum()
    assert to_mv(height, SPEC.baseline(row), SPEC.frame.raster.px_per_mv) == pytest.approx(0.75, abs=3e-4)  # 2e-4


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
    assert np.abs(flat.astype(int) - PAPER).max() <= 11  # at the shadow's dark end


# ---- any layout


@each_layout
def test_strips_on_another_layout_keep_raster_and_height_and_hold_its_recording(page):
    spec = SPEC.on(page)
    assert (spec.frame.raster, spec.half_height_mv, spec.height) == (SPEC.frame.raster, 3.2, SPEC.height)
    assert (spec.rows, spec.samples) == (page.rows, round(page.printed_s * FS_HZ))
    assert spec.width % 32 == 0 and spec.first_sample + spec.samples <= spec.width * spec.samples_per_px
    assert spec.on(KIT) == SPEC


@each_layout
def test_a_line_at_a_known_voltage_is_cut_where_the_decoder_looks_for_it_on_any_layout(page):
    spec = SMALL.on(page)
    frame = drawn_frame(np.full((page.rows, spec.samples), 0.5), spec.frame)
    for row in range(page.rows):
        strip = 255.0 - spec.cut(frame, row, fill=255)[..., 0]
        ink = strip[:, spec.first_sample // spec.samples_per_px + 50]
        ink[np.abs(np.arange(spec.height) - spec.height / 2 + 10) > 8] = 0  # the next rows' lines
        height = (ink * np.arange(spec.height)).sum() / ink.sum()
        # 0.0014 mV, a thirtieth of a pixel, at worst over the eight layouts
        assert to_mv(height, spec.baseline(row), spec.frame.raster.px_per_mv) == pytest.approx(0.5, abs=0.002)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, ROWS - 1), st.integers(-40, 40), st.integers(0, 2**32 - 1))
def test_a_cut_moves_with_the_paper(row, down_px, seed):
    """What stands lower on the frame stands as much lower in the strip."""
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (*SMALL_FRAME.shape, 3), np.uint8)
    inner = slice(40, SMALL.height - 40)
    moved = SMALL.cut(np.roll(frame, down_px, axis=0), row)
    top = SMALL.top(row) + 40
    if top - 40 - abs(down_px) < 0 or top + SMALL.height + abs(down_px) > SMALL_FRAME.shape[0]:
        return  # paper rolled over the edge
    np.testing.assert_array_equal(moved[inner], np.roll(SMALL.cut(frame, row), down_px, axis=0)[inner])


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 1.0), st.integers(0, 2**32 - 1))
def test_even_light_of_any_strength_is_taken_out(light, seed):
    rng = np.random.default_rng(seed)
    frame = np.full((120, 200, 3), 250.0)
    frame[rng.integers(0, 120, 40), rng.integers(0, 200, 40)] = 40.0
    bright, dim = (flatten_light(np.rint(frame * part).astype(np.uint8)) for part in (1.0, light))
    assert np.abs(bright.astype(int) - dim).max() <= 2  # rounding, twice
