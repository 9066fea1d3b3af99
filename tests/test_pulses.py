"""Calibration pulses tell the gain of a page, and the page is then read in millivolts."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.pages import find_page
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.pulses import printed_gain
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

EXACT = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
SERIES = simulate(np.random.default_rng(4))


def page(gain_mm_per_mv: float, pulses: int = 4) -> np.ndarray:
    layout = replace(KIT, gain_mm_per_mv=gain_mm_per_mv, pulses=KIT.pulses[:pulses])
    return draw_page(SERIES, 500, PageStyle(), layout)


@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("turned_on_its_head", [False, True])
def test_the_gain_is_that_of_the_pulses_whatever_the_frame_was_cut_for(gain, turned_on_its_head):
    frame = Frame.cut(page(gain), EXACT, FrameSpec())
    if turned_on_its_head:
        assert printed_gain(replace(frame, rgb=frame.rgb[::-1].copy())) is None
    else:
        assert printed_gain(frame) == gain


def test_the_pulse_of_a_row_is_not_taken_for_one_that_ends_at_the_top_of_the_row_aboves():
    first = KIT.baselines_mm[0]
    close = replace(
        KIT, gain_mm_per_mv=5.0, baselines_mm=tuple(first + (zero - first) * 15 / 22 for zero in KIT.baselines_mm)
    )
    picture = draw_page(SERIES, 500, PageStyle(), close)
    assert printed_gain(Frame.cut(picture, EXACT, FrameSpec(close))) == 5.0


@pytest.mark.parametrize("pulses", [0, 2])
def test_too_few_pulses_tell_nothing(pulses):
    assert printed_gain(Frame.cut(page(5.0, pulses), EXACT, FrameSpec())) is None


@pytest.mark.parametrize("place", [(5.0, 6.5), (0.5, 5.5), (-3.0, 2.0)])
def test_a_pulse_that_is_too_narrow_or_at_the_very_edge_tells_nothing(place):
    odd = replace(KIT, pulses=tuple(replace(p, left_mm=place[0], right_mm=place[1]) for p in KIT.pulses))
    assert printed_gain(Frame.cut(page(10.0), EXACT, FrameSpec(odd))) is None


def test_what_the_picture_does_not_show_tells_nothing():
    frame = Frame.cut(page(5.0), EXACT, FrameSpec())
    inside = frame.inside.copy()
    inside[:, :120] = False
    assert printed_gain(replace(frame, inside=inside)) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["0001", "0005"])
def test_a_page_of_half_the_usual_gain_is_read_at_its_own(kind):
    found = find_page(capture(page(5.0), kind, np.random.default_rng(0), quarter_turn=0).image)
    assert found.frame.spec.layout.gain_mm_per_mv == 5.0
    read = Digitizer().read(found)
    known = np.isfinite(read.series_mv)
    slope = np.polyfit(SERIES[known], read.series_mv[known], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.005)  # 1.002


def test_a_gain_that_is_said_beforehand_counts_more_than_the_pulses():
    found = find_page(page(5.0), hints=Hints(gain_mm_per_mv=10.0))
    assert found.frame.spec.layout.gain_mm_per_mv == 10.0
