"""From a distribution over heights to a height below the size of a pixel, and how sure it is."""

import numpy as np

LABEL_SIGMA_PX = 1.5  # width of the Gaussian the reader is taught; any width beyond it is doubt
MIN_SIGMA_PX = 0.1


def decode_heights(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and its standard deviation, each (T,) float32 px, of logits (T, H)."""
    return decoded(probabilities(logits))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The probability of each height (T, H), of logits (T, H)."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def decoded(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and its standard deviation, each (T,) float32 px, of the probabilities `p` (T, H) of each height.

    The height is the mean over the whole column: the estimate of least squared error, and what the reader is trained
    for. Where the reader is torn between two curves the deviation is large.
    """
    rows = np.arange(p.shape[1], dtype=np.float32)
    height = p @ rows
    variance = np.einsum("th,th->t", p, np.square(rows - height[:, None])) - LABEL_SIGMA_PX**2
    return height, np.sqrt(np.maximum(variance, MIN_SIGMA_PX**2))


def to_mv(height_px: np.ndarray, baseline_px: np.ndarray | float, px_per_mv: float) -> np.ndarray:
    """Strip rows in px, downwards, to mV above 0 mV at `baseline_px`."""
    return (baseline_px - height_px) / px_per_mv
