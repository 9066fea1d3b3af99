"""Samples that a program left out of a curve, put back by its rule, whatever the curve."""

import numpy as np
import pytest

from ecgpipe.vector.simplified import TOLERANCE_MM, completed

SPACING_MM = 0.05
RNG = np.random.default_rng(4)
BEATS = 8 * np.exp(-0.5 * (((np.arange(5000) % 500) - 250) / 12) ** 2) + 0.4 * np.sin(np.arange(5000) / 60)


def kept(y: np.ndarray) -> np.ndarray:
    """The samples that matplotlib would keep of a curve (n,) in mm."""
    index, start, step = [0], 0, y[1] - y[0]
    for place in range(2, len(y)):
        off = (y[place] - y[start] - (place - start) * step) / np.hypot(1.0, step / SPACING_MM)
        if abs(off) > TOLERANCE_MM:
            index.append(place - 1)
            start, step = place - 1, y[place] - y[place - 1]
    return np.unique([*index, len(y) - 1])


CURVES = {
    "beats": BEATS,
    "beats and noise": BEATS + 0.02 * RNG.normal(size=5000),
    "level for most of it": np.where(np.arange(5000) < 4600, 0.0, BEATS),
    "level throughout": np.zeros(5000),
    "in steps of 0.1 mm": np.round(BEATS, 1),
    "a square wave": np.sign(np.sin(np.arange(5000) / 300)),
}


@pytest.mark.parametrize("name", CURVES)
def test_what_is_drawn_stays_and_what_was_left_out_is_near_the_line(name):
    y = CURVES[name]
    index = kept(y)
    found = completed(index, y[index], SPACING_MM)
    np.testing.assert_array_equal(found.y[index], y[index])
    assert not found.errors_mm[index].any()
    slope = np.abs(np.gradient(y)).max() / SPACING_MM
    assert np.abs(found.y - y).max() < 3 * TOLERANCE_MM * np.hypot(1, slope)


def test_smooth_beats_come_back_three_times_as_well_as_lines_between_their_samples_do():
    index = kept(BEATS)
    assert len(index) < 0.2 * len(BEATS)
    found = completed(index, BEATS[index], SPACING_MM)
    lines = np.interp(np.arange(5000), index, BEATS[index])
    assert np.std(found.y - BEATS) < np.std(lines - BEATS) / 3
    left_out = found.errors_mm > 0
    assert (np.abs(found.y - BEATS) <= 2 * found.errors_mm)[left_out].mean() > 0.95


@pytest.mark.parametrize("index", [[0], [0, 1], [0, 4], [0, 2, 5], [0, 1, 2, 900]])
def test_few_samples_are_joined_by_lines(index):
    y = np.arange(len(index), dtype=float)
    np.testing.assert_allclose(completed(np.array(index), y, SPACING_MM).y[index], y)
