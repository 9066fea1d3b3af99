"""Traces of renders, moved to the line that a pen must have drawn; prints stay as they were read."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe import Digitizer
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.recognize.pages import find_page
from ecgpipe.rectify.flat import FINEST_PX_PER_MM, FlatPage
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.pen import _Pen, moved_to_ink
from ecgpipe.trace.reader import Traces

SIGNAL = simulate(np.random.default_rng(3))


def map_of_render(turned: bool = False) -> PageMap:
    """Of a page of the kit in its render, or in that turned by a quarter to the right."""
    width = round(KIT.height_mm * PX_PER_MM)

    def to_picture(mm: np.ndarray) -> np.ndarray:
        px = mm * PX_PER_MM - 0.5
        return np.stack([width - 1 - px[:, 1], px[:, 0]], axis=-1) if turned else px

    return PageMap.from_function(KIT, to_picture)


def rows_of(signal: np.ndarray) -> np.ndarray:
    """The printed rows (4, 5000) of twelve leads."""
    rows = np.full((KIT.rows, signal.shape[1]), np.nan)
    for window in KIT.windows:
        part = KIT.samples(window, signal.shape[1])
        rows[window.row, part] = signal[LEADS.index(window.lead), part]
    return rows


@pytest.fixture(scope="module")
def render() -> np.ndarray:
    return draw_page(SIGNAL, 500, PageStyle(), KIT)


@pytest.fixture(scope="module")
def read() -> Traces:
    """A reading that is 0.2 samples late, without the tops of its QRS complexes, and has a gap."""
    rows = rows_of(SIGNAL)
    index = np.arange(rows.shape[1])
    late = np.stack([np.interp(index - 0.2, index, cv2.blur(row[None], (3, 1))[0]) for row in rows])
    late[1, 700:720] = np.nan
    return Traces(late.astype(np.float32), np.full(late.shape, 0.01, np.float32), KIT)


def error_uv(traces: Traces) -> float:
    """The root mean square error where no pulse or separator is near."""
    off = traces.mv - rows_of(SIGNAL)
    for window in KIT.windows:
        part = KIT.printed_samples(window, off.shape[1])
        off[window.row, [*range(part.start, part.start + 12), *range(part.stop - 12, part.stop)]] = np.nan
    return float(np.sqrt(np.nanmean(np.square(off)))) * 1e3


def points_mm(count: int) -> np.ndarray:
    """Page mm (count, 2) of the samples of the first row's 0 mV."""
    x_mm = KIT.left_mm + np.arange(count) * KIT.speed_mm_per_s / 500
    return np.stack([x_mm, np.full(count, KIT.baselines_mm[0])], axis=-1)


@pytest.mark.parametrize("turned", [False, True])
def test_the_reading_of_a_render_comes_to_the_line_that_was_drawn(render, read, turned):
    picture = np.ascontiguousarray(np.rot90(render, -1)) if turned else render
    page = FlatPage.of(picture, map_of_render(turned), KIT)
    assert page is not None
    closer = moved_to_ink(read, page)
    assert error_uv(closer) < 0.5 * error_uv(read)  # 2.7 and 7.9 µV
    assert np.array_equal(np.isnan(closer.mv), np.isnan(read.mv))
    assert closer.sigma_mv is read.sigma_mv


def test_a_hidden_stretch_does_not_pull_the_line(render, read):
    hidden = render.copy()
    hidden[:, 900:960] = 255
    page = FlatPage.of(hidden, map_of_render(), KIT)
    assert page is not None
    moved = np.abs(moved_to_ink(read, page).mv - read.mv)
    samples = np.flatnonzero(np.abs(map_of_render().to_picture(points_mm(moved.shape[1]))[:, 0] - 930) < 20)
    assert np.nanmax(moved[:, samples]) < 0.02  # 0.016 mV; a line that follows what it sees would go further


def test_a_print_stays_as_it_was_read(render, read):
    blurred = cv2.GaussianBlur(render, (0, 0), 1.5)
    page = FlatPage.of(blurred, map_of_render(), KIT)
    assert page is not None
    assert moved_to_ink(read, page) is read


def test_a_page_that_is_bent_lies_not_flat(render):
    bent = map_of_render().compose(lambda px: px + np.stack([np.zeros(len(px)), 2 * np.sin(px[:, 0] / 300)], axis=-1))
    assert FlatPage.of(render, bent, KIT) is None


def test_what_is_no_trace_stays_as_it_was_read(render, read):
    page = FlatPage.of(np.full_like(render, 255), map_of_render(), KIT)
    assert page is not None
    assert moved_to_ink(read, page) is read
    nothing = replace(read, mv=np.full_like(read.mv, np.nan))
    assert moved_to_ink(nothing, page) is nothing


@pytest.mark.parametrize("zoom", [1.5, 3.0])
def test_a_finer_render_is_looked_at_where_lines_are_a_few_pixels_wide(read, zoom):
    px_per_mm = zoom * PX_PER_MM
    fine = draw_page(SIGNAL, 500, PageStyle(), KIT, px_per_mm=px_per_mm)
    page = FlatPage.of(fine, PageMap.from_function(KIT, lambda mm: mm * px_per_mm - 0.5), KIT)
    assert page is not None and page.light.shape[1] < FINEST_PX_PER_MM * KIT.width_mm
    assert error_uv(moved_to_ink(read, page)) < 0.6 * error_uv(read)  # 3.9 and 3.2 of 7.9 µV


def test_a_line_that_is_as_wide_as_all_that_is_looked_at_tells_nothing(read):
    thick = draw_page(SIGNAL, 500, PageStyle(trace_width_mm=1.0), KIT)
    page = FlatPage.of(cv2.GaussianBlur(thick, (0, 0), 1.5), map_of_render(), KIT)
    assert page is not None
    assert moved_to_ink(read, page) is read


def test_a_page_that_goes_on_beyond_the_picture_is_moved_where_it_shows(render, read):
    left_mm = 100.0
    cut = np.ascontiguousarray(render[:, : round(left_mm * PX_PER_MM)])
    page = FlatPage.of(cut, map_of_render(), KIT)
    assert page is not None
    shown = points_mm(read.mv.shape[1])[:, 0] < left_mm - 1
    closer = moved_to_ink(read, page).mv
    moved = np.abs(closer - read.mv)
    assert np.nanmean(moved[:, shown]) > 5 * np.nanmean(moved[:, ~shown])
    assert FlatPage.of(render, map_of_render().compose(lambda px: px + 5000), KIT) is None


def test_a_pen_may_be_wider_above_and_below_than_beside_its_line():
    cover = _Pen(wide_px=1.0, high_px=1.5, darkness=0.8).cover(np.array([1.0, 1.5, 1.5]), np.array([0.0, 1.0, 0.0]))
    assert np.allclose(cover, [0.5, 0.5, 0.0])


def test_what_was_not_read_says_nothing_of_the_pen(render, read):
    covered = render.copy()
    covered[:, 1000:1300] = 255
    at_px = map_of_render().to_picture(points_mm(read.mv.shape[1]))[:, 0]
    gap = replace(read, mv=np.where((at_px > 995) & (at_px < 1305), np.nan, read.mv).astype(np.float32))
    page = FlatPage.of(covered, map_of_render(), KIT)
    assert page is not None
    assert error_uv(moved_to_ink(gap, page)) < 0.5 * error_uv(gap)


def test_tall_waves_of_the_first_row_are_moved_too(read):
    tall = 3 * SIGNAL
    page = FlatPage.of(draw_page(tall, 500, PageStyle(), KIT), map_of_render(), KIT)
    assert page is not None
    closer, true = moved_to_ink(replace(read, mv=3 * read.mv), page), 3 * rows_of(SIGNAL)
    high = true[0] > 1.5
    off = [np.sqrt(np.mean(np.square(rows[0] - true[0])[high])) for rows in (closer.mv, 3 * read.mv)]
    assert high.sum() > 10 and off[0] < 0.85 * off[1]  # 53 and 70 µV


# ---- on the whole road


@pytest.mark.slow
def test_renders_are_read_closer_wherever_they_lie_in_a_picture(render):
    digitizer, picture = Digitizer(), np.full((render.shape[0] + 80, render.shape[1] + 50, 3), 90, np.uint8)
    picture[:-80, 50:] = render
    page = find_page(picture)
    assert page.flat is not None
    with_ink, without = (digitizer.read(one) for one in (page, replace(page, flat=None)))
    assert error_uv(with_ink.traces) < 0.85 * error_uv(without.traces)
    assert find_page(cv2.GaussianBlur(capture(render, "0005", np.random.default_rng(0)).image, (0, 0), 1)).flat is None
