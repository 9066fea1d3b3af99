import math

import pytest
import torch

from ecgpipe.trace.decode import decode_heights
from ecgpipe.training.losses import (
    CombinedLoss,
    SeriesLoss,
    column_cross_entropy,
    denoising,
    expected_height,
    frequency,
    mae,
    mse,
    perceptual,
    smooth_l1,
    snr,
    wave_bank,
    weight_at,
)

ROWS, SIGMA = 64, 1.5
HEIGHTS = 32 + 10 * torch.sin(torch.arange(256) / 9)[None]

SERIES_LOSSES = ("mse", "mae", "smooth_l1", "frequency", "snr", "perceptual")
ALL_WEIGHTS = {f"{name}_weight": 1.0 for name in SERIES_LOSSES} | {"snr_weight": 0.1}


def ridge(heights: torch.Tensor, sigma_px: float = SIGMA) -> torch.Tensor:
    """Logits (N, T, ROWS) of a Gaussian about each height."""
    return -(torch.arange(ROWS) - heights[..., None]).square() / (2 * sigma_px**2)


def test_column_loss_is_zero_at_the_true_distribution():
    assert column_cross_entropy(ridge(HEIGHTS), HEIGHTS, SIGMA).item() == pytest.approx(
        0, abs=3e-5
    )  # 1.4e-5: tails beyond the column


def test_column_loss_of_no_idea_is_the_uniform_distributions():
    entropy = math.log(SIGMA * math.sqrt(2 * math.pi * math.e))
    uniform = column_cross_entropy(torch.zeros(1, 256, ROWS), HEIGHTS, SIGMA).item()
    assert uniform == pytest.approx(math.log(ROWS) - entropy, abs=3e-4)  # 1.6e-4


@pytest.mark.parametrize("loss", [mse, mae, smooth_l1, frequency, snr, perceptual])
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
    assert frequency(late, tone) < 0.08 * frequency(torch.zeros_like(tone), tone)  # 0.072


@pytest.mark.parametrize("name", ["column", *SERIES_LOSSES])
def test_a_near_prediction_costs_less_than_a_far_one(name):
    loss = CombinedLoss(**{"column_weight": 0.0, f"{name}_weight": 1.0})
    flat = torch.full_like(HEIGHTS, 32.0)
    assert loss(ridge(HEIGHTS + 0.5), HEIGHTS) < loss(ridge(flat), HEIGHTS)


def test_unknown_truth_counts_for_nothing():
    loss = CombinedLoss(**ALL_WEIGHTS)
    known = HEIGHTS.clone()
    known[:, 100:] = torch.nan
    right, wrong_where_unknown = ridge(HEIGHTS), ridge(HEIGHTS)
    wrong_where_unknown[:, 100:] = ridge(HEIGHTS[:, 100:] + 15)
    assert loss(right, known).item() == pytest.approx(loss(wrong_where_unknown, known).item(), abs=1e-6)
    assert loss(right, torch.full_like(known, torch.nan)).item() == 0


def test_heights_outside_the_strip_count_for_nothing():
    assert column_cross_entropy(ridge(HEIGHTS), HEIGHTS + 2 * ROWS).item() == 0


def test_gradients_are_finite_even_where_truth_is_unknown():
    loss = CombinedLoss(**ALL_WEIGHTS)
    heights = HEIGHTS.clone()
    heights[:, ::3] = torch.nan
    logits = torch.zeros(1, 256, ROWS, requires_grad=True)
    loss(logits, heights).backward()
    assert logits.grad.isfinite().all() and logits.grad.abs().sum() > 0


def test_a_loss_of_weight_zero_is_looked_at_and_has_no_say():
    loss = CombinedLoss(column_weight=0.5, mse_weight=0.0)
    logits = ridge(HEIGHTS + 1).requires_grad_()
    total = loss(logits, HEIGHTS)
    assert set(loss.parts) == {"column", *SERIES_LOSSES}
    assert total.item() == pytest.approx(0.5 * loss.parts["column"].item())
    assert {name for name, part in loss.parts.items() if part.requires_grad} == {"column"}


@pytest.mark.parametrize("name", ["column", *SERIES_LOSSES])
def test_an_unweighted_part_is_the_same_whatever_the_weights(name):
    one, other = CombinedLoss(mse_weight=2.0), CombinedLoss(column_weight=0.1, snr_weight=0.3)
    for loss in (one, other):
        loss(ridge(0.9 * HEIGHTS), HEIGHTS)
    assert one.parts[name].item() == other.parts[name].item() > 0


def test_total_is_the_weighted_sum_of_the_parts():
    loss = CombinedLoss(column_weight=2.0, mse_weight=3.0, frequency_weight=0.5)
    total = loss(ridge(HEIGHTS + 1), HEIGHTS)
    parts = loss.parts
    assert total.item() == pytest.approx((2 * parts["column"] + 3 * parts["mse"] + 0.5 * parts["frequency"]).item())


def test_a_loss_of_series_is_what_the_combined_one_adds_to_the_column_loss():
    weights = {"mse_weight": 3.0, "snr_weight": 0.5}
    combined, series = CombinedLoss(column_weight=0.0, px_per_mv=1.0, **weights), SeriesLoss(**weights)
    heights = HEIGHTS + 2
    total = combined(ridge(heights), HEIGHTS)
    assert series(-heights, -HEIGHTS).item() == pytest.approx(total.item(), rel=1e-3)
    assert set(series.parts) == set(SERIES_LOSSES)


def test_a_loss_of_series_has_a_gradient_before_its_schedule_begins():
    series = torch.zeros(1, 256, requires_grad=True)
    SeriesLoss(mse_weight=((0.0, 0.0), (1.0, 1.0)))(series, torch.ones(1, 256)).backward()
    assert not series.grad.any()


def test_snr_loss_is_the_distance_in_db_to_its_ceiling_and_blind_to_an_offset():
    truth = torch.sin(torch.arange(4000) / 9)[None]
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0)) * truth.std()
    assert snr(truth + 0.1 * noise, truth).item() == pytest.approx(
        35 - 20, abs=0.1
    )  # 15.08: that noise is a little stronger
    assert snr(truth + 0.7, truth).item() == pytest.approx(0, abs=1e-4)


def beat(p_mv: float, qrs_mv: float) -> torch.Tensor:
    """A P wave and an R wave (1, 600) at 500 Hz."""
    t = torch.arange(600.0)
    return (p_mv * torch.exp(-(((t - 200) / 15) ** 2)) + qrs_mv * torch.exp(-(((t - 350) / 8) ** 2)))[None]


def test_perceptual_loss_misses_a_lost_p_wave_more_than_half_of_the_qrs():
    truth, without_p, low_qrs = beat(0.15, 1.5), beat(0.0, 1.5), beat(0.15, 0.75)
    assert mse(low_qrs, truth) > 13 * mse(without_p, truth)  # 13.3 by the formula
    assert perceptual(without_p, truth) > 35 * perceptual(low_qrs, truth)  # 36


def test_perceptual_loss_sees_a_late_wave_and_a_wave_turned_over():
    truth = beat(0.15, 1.5)
    costs = [perceptual(series, truth).item() for series in (truth.roll(2, 1), truth.roll(10, 1), beat(-0.15, -1.5))]
    assert 0 < costs[0] < costs[1] < costs[2] < 2.1  # 2.08


def test_perceptual_loss_is_blind_to_offset_and_nearly_to_drift_and_gain():
    truth = beat(0.3, 1.5)
    drift = 0.1 * torch.linspace(-1, 1, 600)
    assert perceptual(truth + 0.7, truth).item() == pytest.approx(0, abs=1e-9)
    lost = perceptual(beat(0.0, 1.5), truth).item()
    assert perceptual(truth + drift, truth).item() < 0.033 * lost  # 0.030
    assert perceptual(1.2 * truth, truth).item() < 0.003 * lost  # 0.0022


def test_perceptual_loss_is_as_exact_in_mixed_precision():
    truth, near = beat(0.15, 1.5), beat(0.149, 1.5)
    exact = perceptual(near, truth).item()
    with torch.autocast("cpu", torch.bfloat16):
        assert perceptual(near, truth).item() == pytest.approx(exact, rel=1e-3)


def test_the_wave_bank_answers_in_mv_to_the_waves_it_is_named_for():
    bank = wave_bank()[:, 0]
    assert bank.shape[0] == 8 and bank.sum(1).abs().max() < 1e-6
    torch.testing.assert_close(bank.abs().sum(1), torch.ones(8))
    peaks = bank[::2]  # the even filters
    reach = bank.shape[1] // 2
    for sigma, best in ((4, 0), (16, 2)):
        wave = torch.exp(-((torch.arange(-reach, reach + 1.0) / sigma) ** 2) / 2)
        responses = peaks @ wave
        assert responses.argmax().item() in (best, best + 1) and 0.35 < responses.max() < 0.4


def test_smooth_l1_is_half_the_square_near_and_linear_far():
    truth = torch.zeros(1, 50)
    assert smooth_l1(truth + 0.02, truth, 0.05).item() == pytest.approx(0.02**2 / 0.1)
    assert smooth_l1(truth + 1.0, truth, 0.05).item() == pytest.approx(1.0 - 0.025)


def test_a_scheduled_weight_follows_the_progress():
    schedule = ((0.2, 0.0), (0.6, 2.0))
    assert [weight_at(schedule, share) for share in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([0, 0, 1, 2, 2])
    loss = CombinedLoss(column_weight=1.0, snr_weight=schedule)
    assert loss(ridge(HEIGHTS + 1), HEIGHTS) == loss.parts["column"]
    loss.progress = 0.5
    assert loss(ridge(HEIGHTS + 1), HEIGHTS) == loss.parts["column"] + 1.5 * loss.parts["snr"]


def test_expected_height_of_a_ridge_is_its_centre():
    torch.testing.assert_close(expected_height(ridge(HEIGHTS)), HEIGHTS, atol=1e-3, rtol=0)


def test_heights_keep_their_precision_in_mixed_precision():
    rows = torch.arange(512.0)
    logits = -((rows - 301.37) ** 2)[None, None] / 4.5
    with torch.autocast("cpu", torch.bfloat16):
        assert expected_height(logits).item() == pytest.approx(301.37, abs=1e-4)
    assert decode_heights(logits[0].numpy())[0].item() == pytest.approx(301.37, abs=1e-4)


def test_denoising_counts_every_level_alike_and_nothing_unknown():
    level, data = torch.tensor([0.01, 0.5, 10.0]), 0.5
    best = (level * data) / (level**2 + data**2).sqrt()  # error of the best guess from one sample
    truth = torch.tensor([0.4, float("nan")]).expand(3, 2)
    off = truth.nan_to_num() + best[:, None]
    losses = [denoising(off[k : k + 1], truth[k : k + 1], level[k : k + 1], data) for k in range(3)]
    torch.testing.assert_close(torch.stack(losses), torch.ones(3))
    assert denoising(truth.nan_to_num(), truth, level, data) == 0
