import math

import pytest
import torch

from ecgpipe.trace.decode import expected_height
from ecgpipe.trace.losses import (
    CombinedLoss,
    column_cross_entropy,
    frequency,
    mae,
    mse,
    smooth_l1,
    snr,
    weight_at,
)

ROWS, SIGMA = 64, 1.5
HEIGHTS = 32 + 10 * torch.sin(torch.arange(256) / 9)[None]


def ridge(heights: torch.Tensor, sigma_px: float = SIGMA) -> torch.Tensor:
    """Logits (N, T, ROWS) of a Gaussian about each height."""
    return -(torch.arange(ROWS) - heights[..., None]).square() / (2 * sigma_px**2)


def test_column_loss_is_zero_at_the_true_distribution():
    assert column_cross_entropy(ridge(HEIGHTS), HEIGHTS, SIGMA).item() == pytest.approx(0, abs=1e-3)


def test_column_loss_of_no_idea_is_the_uniform_distributions():
    entropy = math.log(SIGMA * math.sqrt(2 * math.pi * math.e))
    uniform = column_cross_entropy(torch.zeros(1, 256, ROWS), HEIGHTS, SIGMA).item()
    assert uniform == pytest.approx(math.log(ROWS) - entropy, abs=0.01)


@pytest.mark.parametrize("loss", [mse, mae, smooth_l1, frequency, snr])
def test_series_losses_are_zero_at_identity_and_grow_with_the_error(loss):
    truth = torch.sin(torch.arange(512) / 9)[None]
    noise = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
    costs = [loss(truth + scale * noise, truth).item() for scale in (0, 0.1, 0.5)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert costs[0] < costs[1] < costs[2]


def test_mse_and_mae_of_a_constant_error():
    truth = torch.zeros(2, 50)
    assert mse(truth + 0.5, truth).item() == pytest.approx(0.25)
    assert mae(truth - 0.5, truth).item() == pytest.approx(0.5)


def test_frequency_loss_sees_a_lost_tone_but_hardly_a_late_one():
    t = torch.arange(1000) / 500
    tone = torch.sin(2 * torch.pi * 40 * t)[None]
    late = torch.sin(2 * torch.pi * 40 * (t - 0.006))[None]
    assert frequency(late, tone) < 0.1 * frequency(torch.zeros_like(tone), tone)


@pytest.mark.parametrize("name", ["column", "mse", "mae", "smooth_l1", "frequency", "snr"])
def test_a_near_prediction_costs_less_than_a_far_one(name):
    loss = CombinedLoss(**{"column_weight": 0.0, f"{name}_weight": 1.0})
    flat = torch.full_like(HEIGHTS, 32.0)
    assert loss(ridge(HEIGHTS + 0.5), HEIGHTS) < loss(ridge(flat), HEIGHTS)


def test_unknown_truth_counts_for_nothing():
    loss = CombinedLoss(mse_weight=1.0, mae_weight=1.0, smooth_l1_weight=1.0, frequency_weight=1.0, snr_weight=0.1)
    known = HEIGHTS.clone()
    known[:, 100:] = torch.nan
    right, wrong_where_unknown = ridge(HEIGHTS), ridge(HEIGHTS)
    wrong_where_unknown[:, 100:] = ridge(HEIGHTS[:, 100:] + 15)
    assert loss(right, known).item() == pytest.approx(loss(wrong_where_unknown, known).item(), abs=1e-6)
    assert loss(right, torch.full_like(known, torch.nan)).item() == 0


def test_heights_outside_the_strip_count_for_nothing():
    assert column_cross_entropy(ridge(HEIGHTS), HEIGHTS + 2 * ROWS).item() == 0


def test_gradients_are_finite_even_where_truth_is_unknown():
    loss = CombinedLoss(mse_weight=1.0, mae_weight=1.0, smooth_l1_weight=1.0, frequency_weight=1.0, snr_weight=0.1)
    heights = HEIGHTS.clone()
    heights[:, ::3] = torch.nan
    logits = torch.zeros(1, 256, ROWS, requires_grad=True)
    loss(logits, heights).backward()
    assert logits.grad.isfinite().all() and logits.grad.abs().sum() > 0


def test_a_weight_of_zero_switches_a_loss_off():
    loss = CombinedLoss(column_weight=0.5, mse_weight=0.0)
    total = loss(ridge(HEIGHTS + 1), HEIGHTS)
    assert set(loss.parts) == {"column"}
    assert total.item() == pytest.approx(0.5 * loss.parts["column"].item())


def test_total_is_the_weighted_sum_of_the_parts():
    loss = CombinedLoss(column_weight=2.0, mse_weight=3.0, frequency_weight=0.5)
    total = loss(ridge(HEIGHTS + 1), HEIGHTS)
    parts = loss.parts
    assert total.item() == pytest.approx((2 * parts["column"] + 3 * parts["mse"] + 0.5 * parts["frequency"]).item())


def test_snr_loss_is_the_distance_in_db_to_its_ceiling_and_blind_to_an_offset():
    truth = torch.sin(torch.arange(4000) / 9)[None]
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0)) * truth.std()
    assert snr(truth + 0.1 * noise, truth).item() == pytest.approx(35 - 20, abs=0.3)
    assert snr(truth + 0.7, truth).item() == pytest.approx(0, abs=1e-4)


def test_smooth_l1_is_half_the_square_near_and_linear_far():
    truth = torch.zeros(1, 50)
    assert smooth_l1(truth + 0.02, truth, 0.05).item() == pytest.approx(0.02**2 / 0.1)
    assert smooth_l1(truth + 1.0, truth, 0.05).item() == pytest.approx(1.0 - 0.025)


def test_a_scheduled_weight_follows_the_progress():
    schedule = ((0.2, 0.0), (0.6, 2.0))
    assert [weight_at(schedule, share) for share in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([0, 0, 1, 2, 2])
    loss = CombinedLoss(column_weight=1.0, snr_weight=schedule)
    loss(ridge(HEIGHTS + 1), HEIGHTS)
    assert set(loss.parts) == {"column"}
    loss.progress = 0.5
    loss(ridge(HEIGHTS + 1), HEIGHTS)
    assert set(loss.parts) == {"column", "snr"}


def test_expected_height_of_a_ridge_is_its_centre():
    torch.testing.assert_close(expected_height(ridge(HEIGHTS)), HEIGHTS, atol=1e-3, rtol=0)
