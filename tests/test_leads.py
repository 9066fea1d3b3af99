"""From traces to leads: what goes where, what merging and the lead laws do, and exact row counts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.competition.dataset import RATES_HZ
from ecgpipe.competition.windows import window_mask
from ecgpipe.digitize.leads import LeadOptions, leads_of, nearest_leads, resample_leads, sigma_of
from ecgpipe.page.layout import KIT, LEADS, PageLayout
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from tests.layouts import OTHERS, each_layout, shown_mask, waves

II = LEADS.index("II")
rng = np.random.default_rng(0)


def traces_of(mv: np.ndarray, sigma_mv: float | np.ndarray = 0.01) -> Traces:
    return Traces(mv.astype(np.float32), np.broadcast_to(np.float32(sigma_mv), mv.shape))


def test_each_quarter_of_each_row_becomes_its_lead():
    mv = np.arange(4)[:, None] * 10 + np.repeat(np.arange(4), 1250)[None, :] + np.zeros((4, 5000))
    series = leads_of(traces_of(mv))
    for quarter, leads in enumerate((LEADS[:3], LEADS[3:6], LEADS[6:9], LEADS[9:])):
        for row, lead in enumerate(leads):
            expected = 30 + quarter if lead == "II" else row * 10 + quarter
            assert (series[LEADS.index(lead), quarter * 1250 : (quarter + 1) * 1250] == expected).all()
    np.testing.assert_array_equal(np.isfinite(series), window_mask(5000))


def test_what_pulse_and_separators_hide_is_held_from_inside_the_window():
    mv = np.zeros((4, 5000))
    mv[:, :4] = 1.0  # read along the pulse's falling edge
    mv[:, [1249, 1250]] = 1.0  # read along a separator
    mv[:, 2000] = 0.3
    series = leads_of(traces_of(mv))
    for lead, hidden in (("I", slice(0, 1250)), ("aVR", slice(1250, 1300)), ("V1", slice(2500, 3750))):
        assert (series[LEADS.index(lead), hidden] == 0).all()
    assert series[LEADS.index("aVR"), 2000] == pytest.approx(0.3)
    assert (series[II, 1249:1251] == 1).all()  # no separator crosses the rhythm strip


def test_merging_halves_the_noise_power_of_the_first_quarter_and_takes_the_strips_level():
    wave = np.sin(np.arange(5000) / 40)
    mv = wave + rng.normal(0, 0.1, (4, 5000))
    mv[1] += 0.7  # the short row's own offset
    traces = traces_of(mv, 0.1)
    error = leads_of(traces, LeadOptions(merge_rhythm=True))[II] - wave
    assert np.var(error[:1250]) == pytest.approx(0.005, rel=0.12)
    assert np.var(error[1250:]) == pytest.approx(0.01, rel=0.07)
    assert abs(error[:1250].mean()) < 0.006  # three times its own standard error


SMOOTHINGS = [("savgol", 11), ("gaussian", 9), ("wavelet", 1.0)]


@pytest.mark.parametrize(("smoothing", "amount"), SMOOTHINGS)
def test_smoothing_takes_noise_off_each_window_for_itself_and_bridges_no_gap(smoothing, amount):
    wave = np.sin(np.arange(5000) / 40) + np.repeat([0.0, 3.0, 0.0, 3.0], 1250)  # a level for each window
    mv = np.tile(wave, (4, 1)) + rng.normal(0, 0.1, (4, 5000))
    mv[:, 600:640] = np.nan
    plain, smooth = (
        leads_of(traces_of(mv), LeadOptions(**how))
        for how in ({}, {"smoothing": smoothing, "smoothing_amount": amount})
    )
    np.testing.assert_array_equal(np.isnan(smooth), np.isnan(plain))
    rest = [LEADS.index(lead) for lead in LEADS if lead != "II"]  # whose strip goes on over the levels
    assert np.nanvar((smooth - wave)[rest]) < 0.6 * np.nanvar((plain - wave)[rest])


def test_without_wander_a_window_keeps_its_level():
    drift = np.linspace(-0.5, 0.5, 1250)
    mv = np.tile(2.0 + np.tile(drift, 4), (4, 1))
    steady = leads_of(traces_of(mv), LeadOptions(wander_hz=0.5))[LEADS.index("V1")]
    assert np.nanmean(steady) == pytest.approx(2.0, abs=0.01) and np.nanstd(steady) < 0.3 * np.std(drift)


def test_merging_trusts_the_surer_row():
    mv = np.zeros((4, 5000))
    mv[1, :300] = 1.0
    sigma = np.full((4, 5000), 0.01)
    sigma[1, :300] = 1.0
    assert np.abs(leads_of(traces_of(mv, sigma), LeadOptions(merge_rhythm=True))[II]).max() < 2e-4  # (0.01 / 1)²


def test_the_short_row_stands_in_where_the_strip_is_not_shown():
    mv = np.ones((4, 5000))
    mv[3, :100] = np.nan
    assert np.isnan(leads_of(traces_of(mv))[II, :100]).all()
    np.testing.assert_allclose(leads_of(traces_of(mv), LeadOptions(merge_rhythm=True))[II], 1.0)


def test_limb_lead_laws_are_off_unless_asked_for():
    mv = np.zeros((4, 5000))
    mv[0, :1250] = mv[1, :1250] = mv[3, :1250] = np.sin(np.arange(1250) / 40)  # I and II, so that III is level
    mv[0, 300:400] += 0.1
    assert leads_of(traces_of(mv))[2, 350] == pytest.approx(0)
    lawful = leads_of(traces_of(mv), LeadOptions(limb_lead_residual_mv=1.0))
    assert lawful[0, 350] - lawful[1, 350] + lawful[2, 350] == pytest.approx(0, abs=1e-6)


def test_the_laws_move_the_least_sure_lead_most():
    mv = np.zeros((4, 5000))
    true = mv[0, :1250] = mv[1, :1250] = mv[3, :1250] = np.sin(np.arange(1250) / 40)  # so that III is level
    mv[2, 200:500] = 0.5  # lead III misread, and the reader was not sure of it
    sigma = np.full((4, 5000), 0.005)
    sigma[2, 200:500] = 0.5
    lawful = leads_of(traces_of(mv, sigma), LeadOptions(limb_lead_residual_mv=2.0))
    assert np.abs(lawful[LEADS.index("III"), 210:490]).max() < 1e-3
    assert np.abs(lawful[:2, 210:490] - true[210:490]).max() < 1e-3


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_resampled_leads_fill_exactly_the_windows_of_every_rate(fs_hz):
    t = np.arange(5000) / 500
    series = np.where(window_mask(5000), np.cos(2 * np.pi * 3 * t), np.nan)
    resampled = resample_leads(series, 10 * fs_hz, KIT)
    np.testing.assert_array_equal(np.isfinite(resampled), window_mask(10 * fs_hz))
    exact = np.cos(2 * np.pi * 3 * np.arange(10 * fs_hz) / fs_hz)
    assert np.nanmax(np.abs(resampled - exact)) < 0.01  # 0.009 at 1025 Hz, whose quarters begin between samples


def test_what_was_not_seen_stays_unseen_and_does_not_spoil_the_rest():
    t = np.arange(5000) / 500
    series = np.where(window_mask(5000), np.cos(2 * np.pi * t), np.nan)
    series[II, 1000:1500] = np.nan
    resampled = resample_leads(series, 10250, KIT)[II]
    assert np.isnan(resampled[2060:3065]).all() and np.isfinite(resampled[[2040, 3080]]).all()
    assert np.nanmax(np.abs(resampled - np.cos(2 * np.pi * np.arange(10250) / 1025))) < 5e-5


# ---- any layout


def read_exactly(page: PageLayout, truth: np.ndarray) -> Traces:
    """The traces of a reader that makes no mistake, each sample as sure as any."""
    rows = row_series(truth, 500, page)
    return Traces(rows, np.full_like(rows, 0.01), page)


@each_layout
def test_what_is_printed_comes_back_at_its_own_time_in_its_own_millivolts(page):
    truth = waves(page)
    series = leads_of(read_exactly(page, truth))
    shown = shown_mask(page, truth.shape[1])
    np.testing.assert_array_equal(np.isfinite(series), shown)
    for lead, window in page.lead_windows.items():
        seen = page.samples(window, truth.shape[1])
        seen = slice(seen.start + 4, seen.stop - 1)  # what pulses and separators hide is held
        np.testing.assert_allclose(series[LEADS.index(lead), seen], truth[LEADS.index(lead), seen], atol=1e-7)


@each_layout
def test_options_leave_a_lawful_page_read_without_mistakes_as_it_is(page):
    truth = waves(page)
    one, two = truth[:2]
    truth[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    traces = read_exactly(page, truth)
    plain, all_options = (leads_of(traces, options) for options in (LeadOptions(), LeadOptions(True, 1.0)))
    # only the held ends break the laws: 0.008 mV at worst, where a strip goes on beside them
    np.testing.assert_allclose(all_options, plain, atol=0.01)
    middle = page.samples(page.windows[0], truth.shape[1])
    middle = slice(middle.start + 10, middle.stop - 10)
    np.testing.assert_allclose(all_options[:, middle], plain[:, middle], atol=1e-6)


@each_layout
def test_every_value_has_a_sigma_and_a_window_of_half_the_gain_one_twice_as_large(page):
    truth = np.zeros((12, round(page.duration_s * 500)))
    traces = read_exactly(page, truth)
    sigma = sigma_of(traces)
    np.testing.assert_array_equal(np.isfinite(sigma), np.isfinite(leads_of(traces)))
    levels = {window.lead: np.nanmedian(sigma[LEADS.index(window.lead)]) for window in page.windows}
    for lead, window in page.lead_windows.items():
        assert levels[lead] * abs(window.gain_ratio) == pytest.approx(levels["I" if "I" in levels else lead], rel=1e-5)


@each_layout
@pytest.mark.parametrize("fs_hz", [250, 512, 1000])
def test_leads_at_another_rate_fill_the_windows_and_keep_their_shape(page, fs_hz):
    truth = np.where(shown_mask(page, round(page.duration_s * 500)), waves(page), np.nan)
    rows = round(page.duration_s * fs_hz)
    resampled = resample_leads(truth, rows, page)
    np.testing.assert_array_equal(np.isfinite(resampled), shown_mask(page, rows))
    # the mirror at a window's ends: 0.003 mV of 0.5 at worst over four seeds
    assert np.nanmax(np.abs(resampled - waves(page, fs_hz))) < 0.004
    np.testing.assert_array_equal(np.isfinite(nearest_leads(truth, rows, page)), shown_mask(page, rows))


def test_a_lead_printed_twice_in_two_gains_counts_each_by_its_own_certainty():
    page = OTHERS["3x4 and strips of V1 and II"]
    windows = tuple(
        replace(window, gain_ratio=0.5) if window.lead == "V1" and window.duration_s < 5 else window
        for window in page.windows
    )
    page = replace(page, windows=windows)
    traces = read_exactly(page, np.zeros((12, 5000)))
    short = next(window for window in windows if window.gain_ratio == 0.5)
    noise = np.random.default_rng(0).normal(0, 0.05, traces.mv.shape).astype(np.float32)  # as large on paper
    noisy = replace(traces, mv=traces.mv + noise, sigma_mv=np.full_like(noise, 0.05))
    merged = leads_of(noisy, LeadOptions(merge_rhythm=True))[LEADS.index("V1"), page.samples(short, 5000)]
    # variances 1 and 4 make 1 / (1 + 1/4) = 0.8 of the better one's; as equals they would make 1.25
    assert np.var(merged) == pytest.approx(0.8 * 0.05**2, rel=0.1)


def test_only_the_first_window_of_a_row_stands_beside_a_pulse_whatever_its_time():
    page = OTHERS["6x2 simultaneous"]
    traces = read_exactly(page, waves(page))
    second = page.row_windows(0)[1]
    row = LEADS.index(second.lead)
    np.testing.assert_allclose(leads_of(traces)[row, 1:5], waves(page)[row, 1:5], atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(OTHERS)), st.floats(-2, 2), st.floats(0.1, 3), st.integers(0, 1000))
def test_leads_scale_and_shift_with_the_trace(name, offset_mv, gain, seed):
    page = OTHERS[name]
    truth = waves(page, seed=seed)
    series = leads_of(read_exactly(page, truth))
    moved = leads_of(read_exactly(page, gain * truth + offset_mv))
    np.testing.assert_allclose(moved, gain * series + offset_mv, atol=2e-6)
