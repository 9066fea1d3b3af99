"""How well a series and its spread tell what a stain hides."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from ecgpipe.trace.strips import FS_HZ

SHORTEST = round(0.1 * FS_HZ)  # samples that a stretch must hide to count


class Told(NamedTuple):
    """What is told of a row: `mv` and `sigma_mv` (T,), and `samples` (S, T) in mV if the spread is one of samples."""

    mv: np.ndarray
    sigma_mv: np.ndarray
    samples: np.ndarray | None = None


def stretches(hidden: np.ndarray) -> Iterator[slice]:
    """The runs of at least `SHORTEST` hidden samples."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], hidden.astype(np.int8), [0]])))
    yield from (slice(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a >= SHORTEST)


def interpolated(mv: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """A series (T,) with straight lines where it is hidden."""
    t = np.arange(len(mv))
    return np.interp(t, t[~hidden], mv[~hidden])


def crps(told: Told, truth: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score (T,) in mV of a spread, 0 for one that is sure and right.

    Of samples the mean distance to the truth less half of that between two of them; of a mean and a standard deviation
    that of a normal distribution (Gneiting and Raftery 2007). Of a series without a spread it is the absolute error.
    """
    if told.samples is not None:
        return crps_of_samples(told.samples, truth)
    z = (truth - told.mv) / told.sigma_mv
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return told.sigma_mv * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))


def crps_of_samples(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The score (T,) of samples (S, T), S at least 2, as if there were any number of them."""
    count = len(samples)
    ordered = np.sort(samples, axis=0)
    weights = 2 * np.arange(count) - count + 1
    between = 2 * np.tensordot(weights, ordered, 1) / (count * (count - 1))
    return np.abs(samples - truth).mean(axis=0) - between / 2


def crps_of_logits(logits: np.ndarray, height: np.ndarray, px_per_mv: float) -> np.ndarray:
    """The score (T,) in mV of a reader's whole distribution, logits (T, H), of true heights (T,) px."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    below = np.cumsum(p, axis=1) / p.sum(axis=1, keepdims=True)
    step = np.arange(logits.shape[1]) >= height[:, None]
    return np.square(below - step).sum(axis=1) / px_per_mv
