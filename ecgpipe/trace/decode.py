"""From a distribution over heights to a height below the size of a pixel, and how sure it is."""

import torch
from torch import Tensor

LABEL_SIGMA_PX = 1.5  # width of the Gaussian the reader is taught; what its distributions have beyond it is doubt
MIN_SIGMA_PX = 0.1


def expected_height(logits: Tensor) -> Tensor:
    """Mean (N, T) px of the distributions of logits (N, T, H): of all heights the one with the least squared error."""
    p = torch.softmax(logits.float(), -1)
    return (p * _rows(p)).sum(-1)


def decode_heights(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Height and its standard deviation, each (N, T) px, of logits (N, T, H).

    The height is the mean over the whole column, which is what the reader is trained for; where it is torn between two
    curves the deviation says so.
    """
    p = torch.softmax(logits.float(), -1)
    rows = _rows(p)
    height = (p * rows).sum(-1)
    variance = (p * (rows - height[..., None]).square()).sum(-1) - LABEL_SIGMA_PX**2
    return height, variance.clamp(min=MIN_SIGMA_PX**2).sqrt()


def _rows(p: Tensor) -> Tensor:
    """The row numbers, to be multiplied and summed: as a matrix product autocast would round them to 8 bits."""
    return torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)


def to_mv(height_px: Tensor, baseline_px: Tensor | float, px_per_mv: float) -> Tensor:
    """Strip rows in px, downwards, to mV above 0 mV at `baseline_px`."""
    return (baseline_px - height_px) / px_per_mv
