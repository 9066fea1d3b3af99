"""What the reader is trained for: pure functions of predictions and truth, and their weighted sum.

Shapes: logits (N, T, H), a distribution over H strip rows for each of T samples; series (N, T) in mV. Samples whose
truth is NaN count for nothing; with no known sample at all a loss is 0.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.params import Weight
from ecgpipe.trace.decode import LABEL_SIGMA_PX

STFT_WINDOWS = (32, 64, 128)  # samples: 64, 128 and 256 ms at 500 Hz
SNR_CEILING_DB = 35.0  # what a render's pixels can hold, about
SNR_SIGNAL_FLOOR_MV = 0.1
WAVE_SIGMAS = (4, 8, 16, 32)  # samples: tips and slopes of a QRS complex (8, 16 ms), P wave (32 ms), T wave (64 ms)
WAVE_FLOOR_MV = 0.02  # response below which a feature is noise rather than a wave; half a trace's width is 0.1 mV


def _mean_where(known: Tensor, values: Tensor) -> Tensor:
    return torch.where(known, values, 0.0).sum() / known.sum().clamp(min=1)


def expected_height(logits: Tensor) -> Tensor:
    """Mean (N, T) px of the distributions of logits (N, T, H): of all heights the one with the least squared error."""
    p = torch.softmax(logits.float(), -1)
    # Multiplied and summed: as a matrix product autocast would round the row numbers to 8 bits.
    return (p * torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)).sum(-1)


def column_cross_entropy(logits: Tensor, height_px: Tensor, sigma_px: float = LABEL_SIGMA_PX) -> Tensor:
    """Mean cross-entropy, nats a sample, of softmax(logits) against a Gaussian about the true height (N, T) px.

    -sum_h q_h log p_h with q_h ~ exp(-(h - height)^2 / 2 sigma^2), cut at 4 sigma. Less the entropy of q, so that
    0 is perfect. Heights outside the strip count as unknown.
    """
    rows = logits.shape[-1]
    reach = round(4 * sigma_px)
    known = (height_px >= reach) & (height_px <= rows - 1 - reach)  # False for NaN
    height = torch.where(known, height_px, rows / 2)[..., None]
    near = height.round().long() + torch.arange(-reach, reach + 1, device=logits.device)
    log_q = torch.log_softmax(-(near - height).square() / (2 * sigma_px**2), -1)
    log_p = logits.gather(-1, near).float() - torch.logsumexp(logits.float(), -1, keepdim=True)
    return _mean_where(known, (log_q.exp() * (log_q - log_p)).sum(-1))


def mse(series: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error in mV^2 over known samples."""
    known = ~truth.isnan()
    return _mean_where(known, (series - truth.nan_to_num()).square())


def mae(series: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error in mV over known samples."""
    known = ~truth.isnan()
    return _mean_where(known, (series - truth.nan_to_num()).abs())


def smooth_l1(series: Tensor, truth: Tensor, beta_mv: float = 0.05) -> Tensor:
    """Mean Huber error in mV over known samples: squared below `beta_mv`, about half a trace's width, linear above."""
    known = ~truth.isnan()
    error = (series - truth.nan_to_num()).abs()
    huber = torch.where(error < beta_mv, error.square() / (2 * beta_mv), error - beta_mv / 2)
    return _mean_where(known, huber)


def snr(series: Tensor, truth: Tensor, ceiling_db: float = SNR_CEILING_DB) -> Tensor:
    """How far below `ceiling_db` the SNR of each series lies, in dB, mean over series; 0 for a perfect one.

    10 log10(1 + noise / (signal 10^(-ceiling/10))): the competition's SNR with its offset forgiven (noise about its
    own mean), but not its time shift. Signal power is taken about the mean and not below (0.1 mV)^2, so that a
    stretch without a beat does not ask for more than paper can give. Blind to a constant offset.
    """
    known = ~truth.isnan()
    count = known.sum(-1, keepdim=True).clamp(min=1)

    def power(values: Tensor) -> Tensor:
        values = torch.where(known, values, 0.0)
        centred = torch.where(known, values - values.sum(-1, keepdim=True) / count, 0.0)
        return centred.square().sum(-1) / count[:, 0]

    truth = truth.nan_to_num()
    signal = power(truth).clamp(min=SNR_SIGNAL_FLOOR_MV**2)
    below = 10 * torch.log10(1 + power(series - truth) / (signal * 10 ** (-ceiling_db / 10)))
    return _mean_where(known.any(-1), below)


def frequency(series: Tensor, truth: Tensor, windows: tuple[int, ...] = STFT_WINDOWS) -> Tensor:
    """Mean absolute difference of short-time Fourier magnitudes, over several window lengths, in mV.

    The multi-resolution STFT loss of Yamamoto et al. 2020 (Parallel WaveGAN), magnitudes only and not in logarithms,
    as an ECG is mostly near 0. Blind to phase: a shift of the whole series costs little. Unknown samples are set to
    0 in both series. Windows twice as long as the series are left out.
    """
    known = ~truth.isnan()
    pair = torch.cat([torch.where(known, series, 0.0), torch.where(known, truth.nan_to_num(), 0.0)])
    total = series.new_zeros(())
    windows = tuple(
        length for length in windows if length // 2 < series.shape[-1]
    )  # half of one is mirrored at each end
    for length in windows:
        window = torch.hann_window(length, device=series.device)
        spectrum = torch.stft(pair, length, length // 4, window=window, normalized=True, return_complex=True)
        # abs() of a complex 0 has no gradient
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt()
        predicted, true = magnitude.chunk(2)
        total = total + (predicted - true).abs().mean()
    return total / len(windows)


def perceptual(series: Tensor, truth: Tensor, floor_mv: float = WAVE_FLOOR_MV) -> Tensor:
    """Mean squared distance, 0 to 4, between the two series' features at each known sample: shape rather than size.

    Features are the responses of `wave_bank`, a peak and a flank detector at each scale of an ECG's waves; at each
    sample they are brought to unit length, f / sqrt(|f|^2 + floor^2), as LPIPS does (Zhang et al. 2018) with features
    that were learned; these are fixed. So a lost P wave costs what a lost QRS complex of its length does. Blind to an
    offset, nearly blind to drift slower than a T wave, and to gain where waves stand well above the floor.
    """
    known = ~truth.isnan()
    count = known.sum(-1, keepdim=True).clamp(min=1)

    def features(values: Tensor) -> Tensor:
        values = torch.where(known, values, 0.0)
        centred = torch.where(known, values - values.sum(-1, keepdim=True) / count, 0.0)
        bank = wave_bank().to(values)
        padded = F.pad(centred[:, None], [bank.shape[-1] // 2] * 2, mode="replicate")
        with torch.autocast(values.device.type, enabled=False):  # it would round the series to 8 bits
            responses = F.conv1d(padded, bank)  # (N, 2 * scales, T)
        return responses / (responses.square().sum(1, keepdim=True) + floor_mv**2).sqrt()

    return _mean_where(known, (features(series) - features(truth.nan_to_num())).square().sum(1))


@cache
def wave_bank(sigmas: tuple[int, ...] = WAVE_SIGMAS) -> Tensor:
    """Fixed filters (2 * scales, 1, L): second and third derivative of a Gaussian of each sigma in samples.

    The one answers to a peak, the other to a flank, neither to a straight line. Each has unit absolute sum, so that its
    response is in mV at any scale.
    """
    reach = 4 * max(sigmas)
    t = torch.arange(-reach, reach + 1, dtype=torch.float64)
    filters = []
    for sigma in sigmas:
        gauss = torch.exp(-(t**2) / (2 * sigma**2))
        for derivative in ((1 - (t / sigma) ** 2) * gauss, (3 - (t / sigma) ** 2) * t * gauss):
            derivative = derivative - derivative.mean()
            filters.append(derivative / derivative.abs().sum())
    return torch.stack(filters)[:, None].float()


def denoising(denoised: Tensor, truth: Tensor, level: Tensor, data_sigma: float = 0.5) -> Tensor:
    """Mean squared error over known samples of what was `denoised` from noise levels (N,), weighted by level.

    The weight (s^2 + data^2) / (s data)^2 of Karras et al. 2022 makes all levels s count alike: it is 1 over the error
    that is left by the best guess which looks at one sample alone.
    """
    known = ~truth.isnan()
    weight = (level.square() + data_sigma**2) / (level * data_sigma).square()
    return _mean_where(known, weight[:, None] * (denoised - truth.nan_to_num()).square())


class SeriesLoss(nn.Module):
    """Weighted sum of the losses of series; a loss of weight 0 is only reported, and computed without gradient.

    A weight is a number or a schedule (`params.Weight`), taken at `progress`, the share of the training done, which
    the trainer sets. Called with series (N, T) and their truth in mV, NaN where unknown. After a call `parts` holds
    each loss unweighted, whatever its weight, so that trainings with different weights can be compared.
    """

    def __init__(
        self,
        *,
        mse_weight: Weight = 0.0,
        mae_weight: Weight = 0.0,
        smooth_l1_weight: Weight = 0.0,
        frequency_weight: Weight = 0.0,
        snr_weight: Weight = 0.0,
        perceptual_weight: Weight = 0.0,
    ):
        super().__init__()
        self.series_losses = {
            mse: mse_weight,
            mae: mae_weight,
            smooth_l1: smooth_l1_weight,
            frequency: frequency_weight,
            snr: snr_weight,
            perceptual: perceptual_weight,
        }
        self.progress = 0.0
        self.parts: dict[str, Tensor] = {}

    def forward(self, series: Tensor, truth: Tensor) -> Tensor:
        self.parts = {}
        return self._judged(series, truth, 0 * series.mean())  # a gradient even where every weight is 0 for a while

    def _judged(self, series: Tensor, truth: Tensor, total: Tensor) -> Tensor:
        """`total` and what the losses of series add to it."""
        for loss, weight in self._weights().items():
            with _gradient_if(weight):
                part = self.parts[loss.__name__] = loss(series, truth)
            if weight:
                total = total + weight * part
        return total

    def _weights(self) -> dict[Callable[[Tensor, Tensor], Tensor], float]:
        return {loss: weight_at(weight, self.progress) for loss, weight in self.series_losses.items()}


class CombinedLoss(SeriesLoss):
    """Weighted sum of the column loss and of those of series, as `SeriesLoss` has it.

    Called with logits (N, T, H) and true heights (N, T) px, NaN where unknown. All but `column` judge the column means
    in mV, `px_per_mv` pixels each.
    """

    def __init__(
        self,
        *,
        column_weight: Weight = 1.0,
        target_sigma_px: float = LABEL_SIGMA_PX,
        px_per_mv: float = 80.0,
        **series_weights: Weight,
    ):
        super().__init__(**series_weights)
        self.column_weight = column_weight
        self.target_sigma_px, self.px_per_mv = target_sigma_px, px_per_mv

    def forward(self, logits: Tensor, height_px: Tensor) -> Tensor:
        weight = weight_at(self.column_weight, self.progress)
        with _gradient_if(weight):
            column = column_cross_entropy(logits, height_px, self.target_sigma_px)
        self.parts = {"column": column}
        centre = logits.shape[-1] / 2
        with _gradient_if(any(self._weights().values())):
            series = (centre - expected_height(logits)) / self.px_per_mv
        return self._judged(series, (centre - height_px) / self.px_per_mv, weight * column)


def _gradient_if(weight: float) -> torch.set_grad_enabled:
    """A context that computes gradients where they were computed before and `weight` is not 0."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and bool(weight))


def weight_at(weight: Weight, progress: float) -> float:
    """A weight when the share `progress` of the training is done."""
    if not isinstance(weight, tuple):
        return weight
    shares, weights = zip(*weight, strict=True)
    return float(np.interp(progress, shares, weights))
