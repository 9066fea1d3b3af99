"""The printed page agrees with the geometry of its `PageLayout` below the pixel: the kit's page, `KIT`."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth import PX_PER_MM as PX
from ecgpipe.synth.page import PageStyle, draw_page

FS_HZ = 500
RHYTHM_ROW = 3
WHITE = (255, 255, 255)
BARE = PageStyle(major=WHITE, minor=WHITE, show_border=False, header=())  # ink on white: darkness is coverage
FLAT = np.zeros((12, 10 * FS_HZ))


def darkness(page):
    return (255 - page[..., 0].astype(float)) / 250


def centroid(ink, first):
    """Centre of mass, in px from the page's edge, of `ink` along its first axis, whose index starts at `first`."""
    return (ink * (first + 0.5 + np.arange(len(ink)))[:, None]).sum(0) / ink.sum(0)


@pytest.fixture(scope="module")
def flat_ink():
    return darkness(draw_page(FLAT, FS_HZ, BARE, KIT))


@pytest.fixture(scope="module")
def kit_page():
    return draw_page(FLAT, FS_HZ, PageStyle(), KIT)


def step(t_s, phase):
    return np.where(t_s % 2.5 < 1.2 + 0.05 * phase, -0.1, 0.2)


def sine(t_s, phase):
    return 0.2 * np.sin(2 * np.pi * 1.3 * t_s + phase)


@pytest.mark.parametrize("signal", [sine, step])
def test_a_known_signal_is_recovered_from_every_window(signal):
    t_s = np.arange(10 * FS_HZ) / FS_HZ
    series = np.stack([signal(t_s, phase) for phase in range(12)])
    ink = darkness(draw_page(series, FS_HZ, BARE, KIT))
    for window in KIT.windows:
        zero = KIT.baselines_mm[window.row] * PX
        left, right = (KIT.x_mm(window, t) * PX for t in (window.start_s, window.stop_s))
        columns = np.arange(int(left) + 6, int(right) - 6)  # clear of pulse and separators
        top = int(zero) - 25
        y = centroid(ink[top : int(zero) + 25][:, columns], top)
        x_s = ((columns + 0.5) / PX - KIT.left_mm) / KIT.speed_mm_per_s
        values = series[LEADS.index(window.lead)]
        expected = zero - np.interp(x_s, t_s, values) * KIT.gain_mm_per_mv * PX
        jump = np.interp(x_s, t_s, np.abs(np.gradient(values))) > 0.02
        jump = np.convolve(jump, np.ones(7), "same") > 0  # a column through the step's flank has no single height
        assert np.abs(y - expected)[~jump].max() < 0.04, window  # 0.033


def test_rhythm_strip_shows_all_of_lead_ii_and_short_rows_their_own_quarter():
    series = FLAT.copy()
    series[LEADS.index("II"), int(6.0 * FS_HZ) : int(6.2 * FS_HZ)] = -1.0  # in V2's quarter
    ink = darkness(draw_page(series, FS_HZ, BARE, KIT))
    column = round(KIT.x_mm(KIT.windows[-1], 6.1) * PX - 0.5)
    down = round(KIT.gain_mm_per_mv * PX)
    assert ink[round(KIT.baselines_mm[3] * PX - 0.5) + down, column] > 0.5
    assert ink[round(KIT.baselines_mm[1] * PX - 0.5) + down, column] == 0
    assert ink[round(KIT.baselines_mm[1] * PX - 0.5), column] > 0.5


def test_a_spike_of_one_sample_keeps_its_height():
    series = FLAT.copy()
    series[0, 500] = 3.0
    column = round(KIT.x_mm(KIT.windows[-1], 1.0) * PX)
    ink = darkness(draw_page(series, FS_HZ, BARE, KIT))[: round(KIT.baselines_mm[0] * PX), column - 2 : column + 3]
    top = np.flatnonzero(ink.max(axis=1) > 0.1)[0]
    pen = BARE.trace_width_mm * PX / 2
    assert top == pytest.approx((KIT.baselines_mm[0] - 3.0 * KIT.gain_mm_per_mv) * PX - 0.5 - pen, abs=1.0)


@pytest.mark.parametrize("width_mm", [0.2, 0.2646, 0.4])
def test_trace_has_the_asked_width(width_mm):
    ink = darkness(draw_page(FLAT, FS_HZ, replace(BARE, trace_width_mm=width_mm), KIT))
    zero = round(KIT.baselines_mm[3] * PX)
    assert ink[zero - 6 : zero + 7, 1000].sum() == pytest.approx(width_mm * PX, abs=0.003)


def test_grid_lines_lie_on_whole_pixels_next_to_every_5_mm(kit_page):
    def red(line):
        return np.flatnonzero((line == (255, 0, 0)).all(axis=-1))

    columns, rows = red(kit_page[303]), red(kit_page[:, 2115])
    assert (len(columns), len(rows)) == (55, 43)
    np.testing.assert_array_equal(columns[[0, 1, 2, 3, 54]], (39, 79, 118, 157, 2165))  # as in the kit's own pictures
    np.testing.assert_array_equal(rows[[0, 1, 41, 42]], (7, 46, 1621, 1661))


def test_default_page_has_the_kits_colours_and_size(kit_page):
    assert kit_page.shape == (1700, 2200, 3) and kit_page.dtype == np.uint8
    box = kit_page[280:440, 1500:1660].reshape(-1, 3)
    assert {(255, 255, 255), (255, 0, 0), (254, 223, 219)} <= set(map(tuple, box.tolist()))
    assert (kit_page[0] == 0).all() and (kit_page[:, -1] == 0).all()


@pytest.mark.parametrize("row", range(4))
def test_pulse_is_one_millivolt_high_and_a_fifth_of_a_second_wide(flat_ink, row):
    zero = KIT.baselines_mm[row] * PX
    top = centroid(flat_ink[int(zero) - 90 : int(zero) - 60, 100:101], int(zero) - 90)[0]
    assert zero - top == pytest.approx(78.74, abs=0.05)
    middle = flat_ink[int(zero) - 40, 70:130]
    flanks = [centroid(half[:, None], first)[0] for half, first in ((middle[:28], 70), (middle[28:], 98))]
    np.testing.assert_allclose(flanks, (79.31, 118.68), atol=0.02)


def test_separators_stand_at_the_inner_quarter_boundaries_of_the_three_short_rows(flat_ink):
    for row, zero_mm in enumerate(KIT.baselines_mm):
        line = flat_ink[round(zero_mm * PX) + 20]  # clear of trace, pulse and names
        line = np.where(np.arange(len(line)) > 130, line, 0)
        if row == RHYTHM_ROW:
            assert not line.any()
            continue
        for x in (610, 1102, 1594):
            bar = line[int(x) - 8 : int(x) + 9]
            assert centroid(bar[:, None], int(x) - 8)[0] == pytest.approx(x, abs=0.05)
            assert bar.sum() == pytest.approx(KIT.separators[0].width_mm * PX, abs=0.01)
        assert line.sum() == pytest.approx(3 * KIT.separators[0].width_mm * PX, abs=0.02)


def test_lead_names_start_at_their_segment_and_stand_below_the_trace(flat_ink):
    for window in KIT.windows:
        left = round(window.left_mm * PX)
        baseline = round(KIT.baselines_mm[window.row] * PX) + (63 if window.row == RHYTHM_ROW else 55)
        ink = flat_ink[baseline - 24 : baseline + 8, left - 4 : left + 80] > 0.5
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        assert baseline - 24 + rows[-1] == pytest.approx(baseline, abs=1), window
        assert 3 <= columns[0] <= 9, window


def test_other_scales_move_everything_in_proportion():
    page = draw_page(FLAT, FS_HZ, BARE, KIT, px_per_mm=4.0)
    assert page.shape == (round(KIT.height_mm * 4), round(KIT.width_mm * 4), 3)
    zero = KIT.baselines_mm[3] * 4
    strip = darkness(page)[int(zero) - 6 : int(zero) + 7, 500:501]
    assert centroid(strip, int(zero) - 6)[0] == pytest.approx(zero, abs=0.05)


def test_styles_are_set_by_the_seed_and_vary():
    styles = [PageStyle.random(np.random.default_rng(seed)) for seed in range(40)]
    assert styles == [PageStyle.random(np.random.default_rng(seed)) for seed in range(40)]
    assert len({style.major for style in styles}) > 30
    assert {style.qr_seed is None for style in styles} == {True, False}
    assert max(s.trace_width_mm for s in styles) > 1.5 * min(s.trace_width_mm for s in styles)
    assert all(sum(s.trace) < min(sum(s.major), sum(s.minor)) for s in styles)


def test_code_is_printed_top_right_and_only_when_asked_for():
    ink = darkness(draw_page(FLAT, FS_HZ, replace(BARE, qr_seed=3), KIT))
    rows, columns = np.nonzero(ink[:300, 1500:] > 0.5)
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1  # a square, its finders at three corners
    assert not darkness(draw_page(FLAT, FS_HZ, BARE, KIT))[:300, 1500:].any()


def test_the_same_page_comes_twice_and_the_cache_stays_clean():
    loud, style = np.ones((12, 10 * FS_HZ)), PageStyle.random(np.random.default_rng(5))
    first = draw_page(FLAT, FS_HZ, style, KIT)
    assert not np.array_equal(draw_page(loud, FS_HZ, style, KIT), first)
    np.testing.assert_array_equal(draw_page(FLAT, FS_HZ, style, KIT), first)


def test_gaps_outside_the_printed_windows_do_not_matter():
    gappy = np.full((12, 10 * FS_HZ), np.nan)
    for window in KIT.windows:
        lead = LEADS.index(window.lead)
        gappy[lead, int(window.start_s * FS_HZ) : int(window.stop_s * FS_HZ)] = 0
    np.testing.assert_array_equal(draw_page(gappy, FS_HZ, BARE, KIT), draw_page(FLAT, FS_HZ, BARE, KIT))


@pytest.mark.parametrize(
    "series, said",
    [
        (FLAT[:11], "11 leads, expected 12"),
        (np.where(np.arange(10 * FS_HZ) == 700, np.nan, FLAT), "lead I is not finite"),
        (FLAT[:, : 4 * FS_HZ], "lead V1 is not finite or too short"),
    ],
)
def test_a_series_that_cannot_be_drawn_is_refused(series, said):
    with pytest.raises(DataError, match=said):
        draw_page(series, FS_HZ, BARE, KIT)
