"""What the reader is trained for: pure functions of predictions and truth, and their weighted sum.

Shapes: logits (N, T, H), a distribution over H strip rows for each of T samples; series (N, T) in mV. Samples whose
truth is NaN count for nothing; with no known sample at all a loss is 0.
"""

import torch
from torch import Tensor, nn

from ecgpipe.trace.decode import LABEL_SIGMA_PX

STFT_WINDOWS = (32, 64, 128)  # samples: 64, 128 and 256 ms at 500 Hz


def _mean_where(known: Tensor, values: Tensor) -> Tensor:
    return torch.where(known, values, 0.0).sum() / known.sum().clamp(min=1)


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


def expected_height(logits: Tensor) -> Tensor:
    """Mean (N, T) px of the distribution over the whole column: smooth in the logits, unlike `decode_heights`."""
    p = torch.softmax(logits.float(), -1)
    return p @ torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)


def mse(series: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error in mV^2 over known samples."""
    known = ~truth.isnan()
    return _mean_where(known, (series - truth.nan_to_num()).square())


def mae(series: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error in mV over known samples."""
    known = ~truth.isnan()
    return _mean_where(known, (series - truth.nan_to_num()).abs())


def frequency(series: Tensor, truth: Tensor, windows: tuple[int, ...] = STFT_WINDOWS) -> Tensor:
    """Mean absolute difference of short-time Fourier magnitudes, over several window lengths, in mV.

    The multi-resolution STFT loss of Yamamoto et al. 2020 (Parallel WaveGAN), magnitudes only and not in logarithms,
    as an ECG is mostly near 0. Blind to phase: a shift of the whole series costs little. Unknown samples are set to
    0 in both series.
    """
    known = ~truth.isnan()
    pair = torch.cat([torch.where(known, series, 0.0), torch.where(known, truth.nan_to_num(), 0.0)])
    total = series.new_zeros(())
    for length in windows:
        window = torch.hann_window(length, device=series.device)
        spectrum = torch.stft(pair, length, length // 4, window=window, normalized=True, return_complex=True)
        # abs() of a complex 0 has no gradient
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt()
        predicted, true = magnitude.chunk(2)
        total = total + (predicted - true).abs().mean()
    return total / len(windows)


class CombinedLoss(nn.Module):
    """Weighted sum of the losses above; a weight of 0 switches one off and saves its cost.

    Called with logits (N, T, H) and true heights (N, T) px, NaN where unknown. `mse`, `mae` and `frequency` judge
    the column means in mV, `px_per_mv` pixels each. After a call `parts` holds each unweighted loss.
    """

    def __init__(
        self,
        *,
        column_weight: float = 1.0,
        mse_weight: float = 0.0,
        mae_weight: float = 0.0,
        frequency_weight: float = 0.0,
        target_sigma_px: float = LABEL_SIGMA_PX,
        px_per_mv: float = 80.0,
    ):
        super().__init__()
        self.column_weight = column_weight
        self.series_losses = {
            name: (weight, function)
            for name, weight, function in (
                ("mse", mse_weight, mse),
                ("mae", mae_weight, mae),
                ("frequency", frequency_weight, frequency),
            )
            if weight
        }
        self.target_sigma_px, self.px_per_mv = target_sigma_px, px_per_mv
        self.parts: dict[str, Tensor] = {}

    def forward(self, logits: Tensor, height_px: Tensor) -> Tensor:
        total = logits.new_zeros((), dtype=torch.float32)
        self.parts = {}
        if self.column_weight:
            self.parts["column"] = column_cross_entropy(logits, height_px, self.target_sigma_px)
            total = total + self.column_weight * self.parts["column"]
        if self.series_losses:
            centre = logits.shape[-1] / 2
            series = (centre - expected_height(logits)) / self.px_per_mv
            truth = (centre - height_px) / self.px_per_mv
            for name, (weight, function) in self.series_losses.items():
                self.parts[name] = function(series, truth)
                total = total + weight * self.parts[name]
        return total
