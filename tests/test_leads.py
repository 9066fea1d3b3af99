"""From traces to leads: what goes where, what merging and the lead laws do, and exact row counts."""

import numpy as np
import pytest

from ecgpipe.competition.dataset import RATES_HZ
from ecgpipe.competition.windows import window_mask
from ecgpipe.digitize.leads import LeadOptions, leads_of, resample_leads
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.trace.reader import Traces

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
    assert np.var(error[:1250]) == pytest.approx(0.005, rel=0.15)
    assert np.var(error[1250:]) == pytest.approx(0.01, rel=0.15)
    assert abs(error[:1250].mean()) < 0.02


def test_merging_trusts_the_surer_row():
    mv = np.zeros((4, 5000))
    mv[1, :300] = 1.0
    sigma = np.full((4, 5000), 0.01)
    sigma[1, :300] = 1.0
    assert np.abs(leads_of(traces_of(mv, sigma), LeadOptions(merge_rhythm=True))[II]).max() < 1e-3


def test_the_short_row_stands_in_where_the_strip_is_not_shown():
    mv = np.ones((4, 5000))
    mv[3, :100] = np.nan
    assert np.isnan(leads_of(traces_of(mv))[II, :100]).all()
    np.testing.assert_allclose(leads_of(traces_of(mv), LeadOptions(merge_rhythm=True))[II], 1.0)


def test_limb_lead_laws_are_off_unless_asked_for():
    mv = np.full((4, 5000), 0.1)
    assert leads_of(traces_of(mv))[0, 0] == pytest.approx(0.1)
    lawful = leads_of(traces_of(mv), LeadOptions(limb_lead_residual_mv=1.0))
    assert lawful[0, 0] - lawful[1, 0] + lawful[2, 0] == pytest.approx(0, abs=1e-6)


def test_the_laws_move_the_least_sure_lead_most():
    mv = np.zeros((4, 5000))
    mv[2, :1000] = 0.5  # lead III misread, and the reader was not sure of it
    sigma = np.full((4, 5000), 0.005)
    sigma[2, :1000] = 0.5
    lawful = leads_of(traces_of(mv, sigma), LeadOptions(limb_lead_residual_mv=2.0))
    assert np.abs(lawful[LEADS.index("III"), 10:990]).max() < 0.01
    assert np.abs(lawful[[0, 1]][:, 10:990]).max() < 0.01


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_resampled_leads_fill_exactly_the_windows_of_every_rate(fs_hz):
    t = np.arange(5000) / 500
    series = np.where(window_mask(5000), np.cos(2 * np.pi * 3 * t), np.nan)
    resampled = resample_leads(series, 10 * fs_hz, KIT)
    np.testing.assert_array_equal(np.isfinite(resampled), window_mask(10 * fs_hz))
    exact = np.cos(2 * np.pi * 3 * np.arange(10 * fs_hz) / fs_hz)
    assert np.nanmax(np.abs(resampled - exact)) < 0.02


def test_what_was_not_seen_stays_unseen_and_does_not_spoil_the_rest():
    t = np.arange(5000) / 500
    series = np.where(window_mask(5000), np.cos(2 * np.pi * t), np.nan)
    series[II, 1000:1500] = np.nan
    resampled = resample_leads(series, 10250, KIT)[II]
    assert np.isnan(resampled[2060:3065]).all() and np.isfinite(resampled[[2040, 3080]]).all()
    assert np.nanmax(np.abs(resampled - np.cos(2 * np.pi * np.arange(10250) / 1025))) < 0.1
