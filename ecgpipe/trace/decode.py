"""From a distribution over heights to a height below the size of a pixel, and how sure it is."""

import torch
from torch import Tensor

WINDOW_PX = 12  # 1.5 mm either side of the mode, at 8 px/mm
LABEL_SIGMA_PX = 1.5  # width of the Gaussian the reader is taught; what its distributions have beyond it is doubt
MIN_SIGMA_PX = 0.1


def decode_heights(logits: Tensor, window_px: int = WINDOW_PX) -> tuple[Tensor, Tensor]:
    """Height and its standard deviation, each (N, T) px, of logits (N, T, H).

    The height is the expectation within `window_px` of the mode, so a second curve in the column does not pull it;
    the deviation is taken over the whole column, so it does count as doubt.
    """
    p = torch.softmax(logits.float(), -1)
    heights = torch.arange(p.shape[-1], dtype=p.dtype, device=p.device)
    span = 2 * window_px + 1
    first = (p.argmax(-1, keepdim=True) - window_px).clamp(0, p.shape[-1] - span)
    near = first + torch.arange(span, device=p.device)
    weight = p.gather(-1, near)
    height = (weight * near).sum(-1) / weight.sum(-1)
    mean, square = p @ heights, p @ heights.square()
    variance = square - 2 * height * mean + height.square() - LABEL_SIGMA_PX**2
    return height, variance.clamp(min=MIN_SIGMA_PX**2).sqrt()


def to_mv(height_px: Tensor, baseline_px: Tensor | float, px_per_mv: float) -> Tensor:
    """Strip rows in px, downwards, to mV above 0 mV at `baseline_px`."""
    return (baseline_px - height_px) / px_per_mv
