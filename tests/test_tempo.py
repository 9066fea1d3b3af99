"""Twice the speed, told by the beats."""

import numpy as np
import pytest

from ecgpipe.digitize.tempo import at_their_tempo, features, slow_chance
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.trace.reader import Traces

FS_HZ = 500
LIMBS = compose_layout("6x1", (), window_s=5.0)


def traces_of(seconds_shown: float, layout: PageLayout, seed: int) -> Traces:
    """Six leads of a simulated heart, `seconds_shown` of them stretched over the 5 s that `layout` has."""
    series = simulate(np.random.default_rng(seed))
    at = np.arange(5 * FS_HZ) * seconds_shown / 5
    mv = np.stack([np.interp(at, np.arange(series.shape[1]), series[LEADS.index(w.lead)]) for w in layout.windows])
    return Traces(mv.astype(np.float32), np.full(mv.shape, 0.01, np.float32), layout)


def test_beats_at_half_their_speed_seem_slower_than_they_are():
    usual, slow = (np.array([slow_chance(traces_of(shown, LIMBS, seed)) for seed in range(12)]) for shown in (5.0, 2.5))
    assert (slow > usual).all()
    # The limits are those of PTB-XL's hearts; simulated ones are a little slow for them.
    assert np.median(usual) < 0.02 and np.median(slow) > 0.985  # 0.013, 0.993


def test_what_somebody_says_of_the_speed_counts_more_than_beats():
    traces = traces_of(2.5, LIMBS, 0)
    assert at_their_tempo(traces, "hint") == (traces, [])


@pytest.mark.parametrize(("shown_s", "warned"), [(2.5, True), (5.0, False)])
def test_beats_that_are_too_slow_for_the_columns_width_are_a_warning(shown_s, warned):
    traces = traces_of(shown_s, LIMBS, 0)
    found, doubts = at_their_tempo(traces, "columns")
    assert found is traces and ["slow and wide for 25 mm/s" in doubt for doubt in doubts] == [True] * warned


def test_a_page_at_twice_the_guessed_speed_becomes_half_as_long():
    traces = traces_of(2.5, LIMBS, 0)
    assert slow_chance(traces) > 0.999
    found, (doubt,) = at_their_tempo(traces, "nothing")
    assert found.layout.speed_mm_per_s == 50 and found.layout.duration_s == 2.5
    np.testing.assert_array_equal(found.mv, traces.mv[:, ::2])
    assert "50 mm/s is told by the beats" in doubt


def test_a_page_too_long_for_a_record_takes_less_to_be_of_twice_the_speed(monkeypatch):
    monkeypatch.setattr("ecgpipe.digitize.tempo.slow_chance", lambda traces: 0.5)
    for window_s, speed in ((2.5, 25), (5.0, 50)):
        page = compose_layout("3x4", (), window_s=window_s, size_mm=(600.0, 200.0))
        rows = np.zeros((3, round(4 * window_s * FS_HZ)), np.float32)
        found, (doubt,) = at_their_tempo(Traces(rows, rows, page), "nothing")
        assert found.layout.nominal_speed_mm_per_s == speed and f"{speed} mm/s is" in doubt


def test_a_page_that_is_too_long_at_the_guessed_speed_is_said_to_be(monkeypatch):
    monkeypatch.setattr("ecgpipe.digitize.tempo.slow_chance", lambda traces: 0.1)
    page = compose_layout("3x4", (), window_s=5.0, size_mm=(600.0, 200.0))
    rows = np.zeros((3, 10_000), np.float32)
    found, (doubt,) = at_their_tempo(Traces(rows, rows, page), "nothing")
    assert found.layout is page and "25 mm/s is assumed, though the page is 20 s long then" in doubt


def test_a_guess_that_fits_the_beats_is_said_to_do_so():
    traces = traces_of(5.0, LIMBS, 3)
    found, (doubt,) = at_their_tempo(traces, "nothing")
    assert found is traces and "which fits the beats" in doubt


def test_flat_and_short_stretches_tell_nothing():
    assert features(np.zeros((3, 2500))) is None
    assert features(np.random.default_rng(0).normal(size=(3, 500))) is None
