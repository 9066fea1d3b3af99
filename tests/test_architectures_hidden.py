"""The scores of a spread: proper, in mV, and the same for samples as for the distribution that they are of."""

import numpy as np
import pytest

from experiments.architectures.hidden import Told, crps, crps_of_logits, crps_of_samples, interpolated

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(0.2, 0.1, 4000)


def score(mean: float, sigma: float) -> float:
    return crps(Told(np.full(4000, mean), np.full(4000, sigma)), TRUTH).mean()


def test_the_honest_spread_costs_least():
    honest = score(0.2, 0.1)
    assert honest == pytest.approx(0.1 / np.sqrt(np.pi), rel=0.05)  # of a normal distribution about itself
    assert all(score(*told) > honest for told in ((0.2, 0.03), (0.2, 0.3), (0.1, 0.1), (0.3, 0.1)))


def test_samples_and_distributions_cost_what_the_normal_distribution_does():
    samples = RNG.normal(0.2, 0.1, (16, 4000))
    assert crps_of_samples(samples, TRUTH).mean() == pytest.approx(score(0.2, 0.1), rel=0.03)
    logits = -0.5 * ((np.arange(64) - 40) / 4) ** 2 * np.ones((4000, 1))
    height = 40 + 4 * RNG.normal(size=4000)
    assert crps_of_logits(logits, height, px_per_mv=40).mean() == pytest.approx(0.1 / np.sqrt(np.pi), rel=0.05)


def test_one_value_sampled_costs_its_error():
    samples = np.zeros((3, 2))
    np.testing.assert_allclose(crps_of_samples(samples, np.array([0.1, -0.2])), [0.1, 0.2])


def test_straight_lines_join_what_is_seen():
    hidden = np.array([False, True, True, False, True])
    np.testing.assert_allclose(interpolated(np.array([0.0, 9, 9, 3, 9]), hidden), [0, 1, 2, 3, 3])
