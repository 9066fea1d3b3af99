"""Where rows begin and end, told by their ink."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.recognize.ends import with_measured_ends
from ecgpipe.rectify.frames import Frame
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.compose import PageMarks, compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

MARKS = PageMarks(pulses="none", separators="none")


def moved(page: PageLayout, by_mm: float, step: float = 1.0) -> PageLayout:
    """`page` as marks may have it: columns `by_mm` to the right of their places, and `step` times as far apart."""
    first = page.left_mm
    windows = tuple(replace(window, left_mm=first + by_mm + (window.left_mm - first) * step) for window in page.windows)
    return replace(page, windows=windows)


def frame_of(page: PageLayout, believed: PageLayout) -> Frame:
    picture = draw_page(simulate(np.random.default_rng(1)), 500, PageStyle(), page)
    page_map = PageMap.from_function(page, lambda mm: mm * PX_PER_MM - 0.5)
    return Frame.cut(picture, page_map, FrameSpec(believed))


@pytest.mark.parametrize(("form", "rhythm"), [("3x4", ()), ("3x4", ("II",)), ("6x2", ()), ("12x1", ())])
@pytest.mark.parametrize(("by_mm", "step"), [(0.0, 1.0), (1.2, 0.995), (-1.0, 1.004)])
def test_columns_come_to_lie_where_they_are(form, rhythm, by_mm, step):
    page = compose_layout(
        form, rhythm, left_mm=20.0, size_mm=(297.0, 210.0), window_s=2.5 if form == "3x4" else None, marks=MARKS
    )
    found = with_measured_ends(frame_of(page, moved(page, by_mm, step)))
    off_mm = [one.left_mm - true.left_mm for one, true in zip(found.windows, page.windows, strict=True)]
    assert np.abs(off_mm).max() < 0.12  # 0.10
    assert found.speed_mm_per_s == page.speed_mm_per_s


def test_columns_with_paper_between_them_lie_each_where_its_own_ink_begins():
    marks = replace(MARKS, gap_mm=5.0)
    page = compose_layout("3x4", (), left_mm=20.0, size_mm=(310.0, 210.0), window_s=2.5, marks=marks)
    nudges = {window.left_mm: by for window, by in zip(page.row_windows(0), (0.0, 0.9, -0.8, 0.5), strict=True)}
    uneven = replace(page, windows=tuple(replace(w, left_mm=w.left_mm + nudges[w.left_mm]) for w in page.windows))
    found = with_measured_ends(frame_of(uneven, page))
    off_mm = [one.left_mm - true.left_mm for one, true in zip(found.windows, uneven.windows, strict=True)]
    assert np.abs(off_mm).max() < 0.12


def test_columns_that_come_near_each_other_are_apart_still():
    marks = replace(MARKS, gap_mm=1.3)
    page = compose_layout("3x4", (), left_mm=20.0, size_mm=(310.0, 210.0), window_s=2.5, marks=marks)
    second = page.row_windows(0)[1].left_mm
    nudged = replace(
        page,
        windows=tuple(replace(w, left_mm=w.left_mm - 0.4) if w.left_mm == second else w for w in page.windows),
    )
    assert with_measured_ends(frame_of(nudged, page)).speed_mm_per_s == page.speed_mm_per_s


def test_a_print_that_came_out_two_per_cent_small_has_another_speed():
    page = compose_layout("6x1", (), speed=24.5, window_s=5.0, left_mm=20.0, size_mm=(297.0, 210.0), marks=MARKS)
    believed = replace(page, speed_mm_per_s=25.0)
    assert with_measured_ends(frame_of(page, believed)).speed_mm_per_s == pytest.approx(24.5, rel=0.003)


@pytest.mark.parametrize(("form", "rhythm"), [("6x1", ()), ("3x4", ("II",))])
@pytest.mark.parametrize(("printed", "told"), [(25.06, 25.06), (24.95, 25.0), (25.2, 25.0)])
def test_rows_a_little_longer_than_whole_seconds_tell_a_speed_and_shorter_ones_do_not(form, rhythm, printed, told):
    seconds = {"6x1": 10.0, "3x4": 2.5}[form]
    page = compose_layout(
        form, rhythm, speed=printed, window_s=seconds, left_mm=20.0, size_mm=(297.0, 210.0), marks=MARKS
    )
    believed = replace(page, speed_mm_per_s=25.0)
    assert with_measured_ends(frame_of(page, believed)).speed_mm_per_s == pytest.approx(told, rel=0.0004)


def test_ends_beyond_the_picture_leave_the_layout_as_it_was():
    page = compose_layout("3x4", (), left_mm=20.0, size_mm=(297.0, 210.0), window_s=2.5, marks=MARKS)
    frame = frame_of(page, page)
    hidden = Frame(frame.rgb, np.zeros_like(frame.inside), frame.page_map, frame.spec)
    assert with_measured_ends(hidden) == page
