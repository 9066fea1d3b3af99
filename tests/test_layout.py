"""The kit's page against its own pixel figures, and what every layout must hold."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgpipe.page.layout import BOX_MM, KIT, LEADS, MM_PER_INCH, PageLayout, Window, slice_of

PX_PER_MM = 200 / MM_PER_INCH  # the kit's figures are pixels at 200 dpi
STRIP = KIT.windows[-1]


@pytest.mark.parametrize(
    ("found_mm", "expected_px"),
    [
        (KIT.gain_mm_per_mv, 78.740),  # a millivolt
        (KIT.speed_mm_per_s, 196.850),  # a second
        (KIT.x_mm(STRIP, 0.0), 118.110),
        (KIT.x_mm(STRIP, 2.5), 610.236),
        (KIT.x_mm(STRIP, 5.0), 1102.362),
        (KIT.x_mm(STRIP, 7.5), 1594.488),
        (KIT.right_mm, 2086.614),
        (KIT.baselines_mm[0], 708.333),
        (KIT.baselines_mm[1], 991.667),
        (KIT.baselines_mm[2], 1275.000),
        (KIT.baselines_mm[3], 1534.711),
        (KIT.pulses[0].left_mm, 79.310),
        (KIT.pulses[0].right_mm, 118.680),
        (KIT.names[0].base_mm - KIT.baselines_mm[0], 55.0),
        (KIT.names[-1].base_mm - KIT.baselines_mm[3], 63.0),
    ],
)
def test_the_kits_page_has_the_places_of_its_renders(found_mm, expected_px):
    assert found_mm * PX_PER_MM == pytest.approx(expected_px, abs=0.02)


def test_the_kits_page_shows_each_lead_once_and_lead_ii_twice():
    assert KIT.columns == 4 and KIT.rows == 4 and KIT.duration_s == KIT.printed_s == 10.0
    assert sorted(window.lead for window in KIT.windows) == sorted((*LEADS, "II"))
    assert KIT.lead_windows["II"] is STRIP
    assert (KIT.lead_order, KIT.timing) == ("standard", "sequential")
    assert all(window.duration_s == 2.5 for window in KIT.windows if window is not STRIP)
    assert [window.lead for window in KIT.row_windows(1)] == ["II", "aVL", "V2", "V5"]


def test_the_kits_grid_has_44_lines_across_and_56_down_each_on_a_pixel():
    x_mm, y_mm = KIT.lines_mm()
    assert (len(y_mm), len(x_mm)) == (KIT.grid.rows, KIT.grid.columns) == (44, 56)
    for lines_mm, first_mm in ((x_mm, KIT.grid.left_mm), (y_mm, KIT.grid.top_mm)):
        np.testing.assert_allclose(lines_mm * PX_PER_MM % 1, 0.5, atol=1e-6)
        regular = first_mm + BOX_MM * np.arange(len(lines_mm))
        assert 0 < np.abs(lines_mm - regular).max() <= 0.5 / PX_PER_MM + 1e-9


def test_a_page_that_rounds_nothing_has_its_lines_at_regular_places():
    plain = replace(KIT, snap_dpi=None)
    x_mm, y_mm = plain.lines_mm()
    np.testing.assert_allclose(x_mm, KIT.grid.left_mm + 5.0 * np.arange(KIT.grid.columns))
    np.testing.assert_allclose(y_mm, KIT.grid.top_mm + 5.0 * np.arange(KIT.grid.rows))
    assert plain.snapped_mm(77.5) == 77.5 and abs(KIT.snapped_mm(77.5) - 77.5) < 0.5 / PX_PER_MM


@given(st.integers(4, 20_000), st.integers(1, 12))
def test_neighbouring_stretches_share_out_all_samples(samples, parts):
    slices = [slice_of(part, part + 1, parts, samples) for part in range(parts)]
    assert slices[0].start == 0 and slices[-1].stop == samples
    assert all(one.stop == other.start for one, other in pairwise(slices))


@given(st.floats(0, 10), st.floats(-5, 5))
def test_places_on_the_paper_lead_back_to_time_and_voltage(t_s, mv):
    for window in (KIT.windows[4], replace(KIT.windows[4], gain_ratio=0.5)):
        assert (KIT.x_mm(window, t_s) - window.left_mm) / 25.0 + window.start_s == pytest.approx(t_s)
        assert (KIT.baselines_mm[1] - KIT.y_mm(window, mv)) / (10.0 * window.gain_ratio) == pytest.approx(mv)


def test_windows_that_are_simultaneous_stand_apart_on_paper_but_not_in_time():
    windows = tuple(Window(lead, 0, 20.0 + 75.0 * k, 0.0, 3.0) for k, lead in enumerate(("I", "V1")))
    grid = replace(KIT.grid, columns=30, rows=11)
    page = PageLayout("2x1", 200.0, 60.0, 25.0, 10.0, baselines_mm=(30.0,), windows=windows, grid=grid)
    assert (page.duration_s, page.printed_s) == (3.0, 6.0)
    assert page.samples(windows[1], 1500) == slice(0, 1500)
    assert page.printed_samples(windows[1], 3000) == slice(1500, 3000)
