"""Readings without jitter: what is smooth stays, what jitters is steadied, each window by itself."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.page.layout import KIT
from ecgpipe.trace.drawn import WIDTH, as_drawn, steadied
from ecgpipe.trace.reader import Traces

SAMPLES = round(500 * KIT.printed_s)
RNG = np.random.default_rng(7)


def traces_of(mv: np.ndarray, layout=KIT) -> Traces:
    rows = np.broadcast_to(mv, (layout.rows, mv.shape[-1])).astype(np.float32)
    return Traces(rows.copy(), np.full_like(rows, 0.01), layout)


def test_a_parabola_stays_to_its_ends():
    mv = np.linspace(-1, 1, SAMPLES) ** 2
    assert np.abs(steadied(traces_of(mv)).mv - mv).max() < 1e-6


def test_jitter_shrinks_as_a_parabola_through_five_samples_leaves_it():
    read = traces_of(RNG.normal(0, 0.01, SAMPLES))
    left = steadied(read).mv.std() / read.mv.std()
    assert left == pytest.approx(np.sqrt(17 / 35), abs=0.02)


def test_windows_do_not_flow_into_one_another():
    mv = np.zeros(SAMPLES)
    second = KIT.printed_samples(KIT.row_windows(0)[1], SAMPLES)
    mv[second] = 1.0
    assert np.array_equal(np.unique(steadied(traces_of(mv)).mv[:3].round(6)), [0, 1])


def test_gaps_stay_and_nothing_is_told_across_them():
    mv = np.zeros(SAMPLES)
    mv[100 : 100 + WIDTH + 1] = np.nan
    mv[106 : 106 + WIDTH - 1] = 1.0  # too few in a row to lay a parabola through
    mv[106 + WIDTH - 1] = np.nan
    steady = steadied(traces_of(mv)).mv[0]
    assert np.array_equal(steady, mv.astype(np.float32), equal_nan=True)


def test_where_five_samples_are_wider_than_a_pen_they_stay():
    read = traces_of(RNG.normal(0, 0.01, SAMPLES), replace(KIT, speed_mm_per_s=50.0))
    assert steadied(read) is read


def test_a_page_that_does_not_lie_flat_is_steadied():
    read = traces_of(RNG.normal(0, 0.01, SAMPLES))
    drawn = as_drawn(read, None)
    assert np.array_equal(drawn.mv, steadied(read).mv) and drawn.sigma_mv is read.sigma_mv
