"""A smooth surface through noisy offsets, with creases where it needs them."""

import numpy as np
import pytest

from ecgpipe.base.banded import solve_banded
from ecgpipe.rectify.smoothing import SMOOTHING_WEIGHTS, RobustFit, best_smoothing_weight, smooth


def test_smooth_follows_a_plane_and_does_not_follow_an_outlier():
    y, x = np.mgrid[:30, :40]
    plane = 0.1 * x - 0.05 * y
    target = plane.copy()
    target[15, 20] += 10.0
    fit = smooth(target, np.ones_like(target), 1.0, RobustFit(outlier_mm=0.2, rounds=6))
    assert np.abs(fit - plane).max() < 0.001  # 0.0005


def test_a_crease_stays_sharp_and_noise_beside_it_is_taken_out():
    x = np.arange(58) * np.ones((46, 1))
    folded = 0.05 * np.abs(x - 30.0)
    target = folded + np.random.default_rng(4).normal(0, 0.01, folded.shape)
    rounded, sharp = (smooth(target, np.ones_like(target), 0.1, RobustFit(outlier_mm=0.06, rounds=n)) for n in (1, 4))
    assert np.abs(sharp - folded)[:, 30].mean() < 0.4 * np.abs(rounded - folded)[:, 30].mean()
    assert (sharp - folded).std() < 0.007


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flat_sheet_is_smoothed_much_and_a_crumpled_one_little(axis):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:46, :58]
    lines = rng.normal(0, 0.03, (46, 1) if axis == 0 else (1, 58))  # every line a little off, as a whole
    crumpled = 0.5 * np.sin(x / 1.6 + y / 2.0)
    flat, loose = (best_smoothing_weight(sheet + lines, np.ones((46, 58)), axis) for sheet in (0.01 * x, crumpled))
    assert flat == SMOOTHING_WEIGHTS[-1]
    assert loose == SMOOTHING_WEIGHTS[0]


def test_a_band_matrix_is_solved_and_left_as_it_was():
    rng = np.random.default_rng(1)
    bands, right = rng.normal(size=(4, 30)), rng.normal(size=30)
    bands[0] += 20
    whole = sum(np.diag(band[: 30 - k], -k) for k, band in enumerate(bands))
    whole = whole + np.tril(whole, -1).T
    before = bands.copy()
    assert np.allclose(whole @ solve_banded(bands, right), right)
    assert np.array_equal(bands, before)
    bands[0, 20] = -1
    with pytest.raises(np.linalg.LinAlgError, match="order 21 "):
        solve_banded(bands, right)
