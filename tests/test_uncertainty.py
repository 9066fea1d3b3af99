"""How sure a reading is: what sigma grows with, where there is none, and that its constants can be found again."""

import numpy as np
import pytest

from ecgpipe.digitize.leads import leads_of, nearest_leads, sigma_of
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.trace import uncertainty
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.uncertainty import CREASE_MM, FLOOR_MV, PLACE, SPREAD, row_sigma, uncertainty_terms
from examples import calibrate

T = np.arange(5000)
V1 = LEADS.index("V1")


def traces_of(mv: np.ndarray, sigma_mv: float = 0.0) -> Traces:
    mv = np.broadcast_to(mv, (4, 5000)).astype(np.float32)
    return Traces(mv, np.full_like(mv, sigma_mv))


def test_a_flat_trace_on_a_perfect_map_is_as_good_as_the_floor_and_the_networks_spread():
    np.testing.assert_allclose(row_sigma(traces_of(np.zeros(5000)), 0.0, 0.0), FLOOR_MV)
    torn = row_sigma(traces_of(np.zeros(5000), 0.3), 0.0, 0.0)
    np.testing.assert_allclose(torn, np.hypot(FLOOR_MV, SPREAD * 0.3), rtol=1e-5)


@pytest.mark.parametrize(("e", "b", "mm"), [(0.5, 0.0, 0.5 * PLACE), (0.0, 0.5, 0.5 * CREASE_MM)])
def test_a_map_that_is_off_is_off_in_voltage_and_on_a_flank_in_time(e, b, mm):
    slope_mv_per_s = 50.0
    mv = np.where(T < 2500, 0.0, (T - 2500) / 500 * slope_mv_per_s)
    sigma = row_sigma(traces_of(mv), e, b)[0]
    flat, steep = np.hypot(mm / 10, FLOOR_MV), mm * np.hypot(1 / 10, slope_mv_per_s / 25)
    assert sigma[1000] == pytest.approx(flat, rel=0.01) and sigma[4000] == pytest.approx(steep, rel=0.01)


def test_a_page_with_detail_too_fine_for_print_is_less_sure():
    noise = np.random.default_rng(0).normal(0, 0.02, (4, 5000))
    assert row_sigma(traces_of(noise), 0.0, 0.0).mean() > 12 * FLOOR_MV  # 12.1


def test_what_was_not_read_has_no_sigma_and_does_not_spoil_the_rest():
    mv = np.tile(np.sin(T / 50), (4, 1))
    mv[0, 1000:2000] = np.nan
    mv[1] = np.nan
    sigma = row_sigma(traces_of(mv))
    np.testing.assert_array_equal(np.isnan(sigma), np.isnan(mv))
    assert sigma[0, 2100] == pytest.approx(row_sigma(traces_of(np.sin(T / 50)))[0, 2100], rel=0.02)


def test_leads_have_a_sigma_wherever_they_have_a_value():
    mv = np.tile(np.sin(T / 50), (4, 1))
    mv[2, 3000:3100] = np.nan
    mv[3, 4000:] = np.nan
    traces = traces_of(mv)
    np.testing.assert_array_equal(np.isfinite(sigma_of(traces)), np.isfinite(leads_of(traces)))


def test_held_ends_of_a_window_are_less_sure_the_steeper_the_trace_leaves_them():
    flat, steep = (sigma_of(traces_of(slope * T / 500.0)) for slope in (0.0, 5.0))
    assert flat[0, 0] == pytest.approx(flat[0, 100])
    assert steep[0, 0] > 9.5 * steep[0, 100]  # 9.9
    assert steep[0, 0] == pytest.approx(np.hypot(steep[0, 4], 4 * 5.0 / 500), rel=1e-4)


@pytest.mark.parametrize("rows", [2500, 5120, 10250])
def test_sigma_at_another_rate_is_that_of_the_nearest_sample_of_the_same_window(rows):
    sigma = sigma_of(traces_of(np.sin(T / 50)))
    sigma[V1] += np.linspace(0, 1, 5000).astype(np.float32)
    taken = nearest_leads(sigma, rows, KIT)
    known = np.flatnonzero(np.isfinite(taken[V1]))
    assert known[0] == int(rows / 2) and known[-1] == int(rows * 0.75) - 1
    inner = known[20:-20]
    np.testing.assert_allclose(
        taken[V1, inner], np.interp(inner / rows * 5000, T, sigma[V1]), atol=2e-4
    )  # half a sample of the slope: 1.3e-4


def test_calibration_finds_constants_under_which_the_errors_were_drawn():
    rng = np.random.default_rng(0)
    terms = np.exp(rng.normal(-4, 1.5, (5, 3000)))
    terms[1] = 1.0
    constants = np.array([0.9, 0.02, 2.0, 3.0, 0.5])
    sigma = np.sqrt(np.square(constants) @ np.square(terms))
    table = np.concatenate([np.abs(rng.normal(0, sigma))[None], terms])
    found = calibrate.fit(table)
    within = (table[0] <= 2 * np.sqrt(np.square(found) @ np.square(terms))).mean()
    assert within == pytest.approx(calibrate.WITHIN_2_SIGMA, abs=0.002)  # 0.0013 off
    ratio = np.sqrt(np.square(found) @ np.square(terms)) / sigma
    assert np.median(ratio) == pytest.approx(2.17 / 2, rel=0.05)  # 97 % of a normal distribution lie within 2.17 sigma


def test_the_terms_come_in_the_order_of_the_constants():
    terms = uncertainty_terms(traces_of(np.zeros(5000), 0.25), 3.0, 5.0)[:, 0, 0]
    np.testing.assert_allclose(terms, [0.25, 1.0, 0.0, 0.3, 0.5], rtol=1e-6)
    constants = np.array([getattr(uncertainty, name) for name in calibrate.NAMES])
    sigma = row_sigma(traces_of(np.zeros(5000), 0.25), 3.0, 5.0)[0, 0]
    assert sigma == pytest.approx(np.linalg.norm(constants * terms))
