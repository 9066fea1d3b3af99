"""The samples of a curve that a drawing left out, by the rule by which they were left out.

Many programs leave out samples that lie nearly on the line between others. From a sample that it keeps, matplotlib
draws a line through the next one and leaves out what lies within a ninth of a point of that line; the last sample
within is kept, and the next line begins there (`path.simplify` in its documentation, PathSimplifier in its source). On
a steep flank that ninth is a tenth of a millivolt. But the rule also tells of what is not drawn: as the last of n
samples lies within the tolerance of the line through the first of them, the first is known within an n-th of the
tolerance, and all between are within it of a line that is known then.

What is left open is as smooth as what is known about it: the third differences are least, weighted by how large they
are nearby. Of 36 leads of PTB-XL below 40 Hz, simplified so, lines between the samples come to 27 dB, the least third
differences within the tolerance to 36, this to 40 (raw leads: 27, 27 and 29).
"""

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from math import comb

import numpy as np
from scipy.linalg import LinAlgError, solveh_banded
from scipy.ndimage import uniform_filter1d

from ecgpipe.page.layout import MM_PER_INCH

TOLERANCE_MM = MM_PER_INCH / 72 / 9  # of matplotlib's path.simplify_threshold, in a PDF
ORDER = 3  # of the differences that are least
DIFFERENCES = [(-1) ** (ORDER - k) * comb(ORDER, k) for k in range(ORDER + 1)]
# Tried on those 36 leads: 12 rounds are 0.15 dB better, 4 are 0.9 worse; of the other numbers the values tried nearby
# are at most 0.2 dB off.
ROUNDS = 8
NEAR_MM, LEAST_SHARE = 0.5, 0.3  # over which differences are pooled, and what is added of their median
# In tolerances: how far, on the side to which the curve leaves, the last of n samples usually lies from the line and
# how much that varies; how firmly the samples between are held within.
USUALLY_OFF, VARIES, HELD = 0.55, 0.2, 0.6
DRAWN = 1e7  # weight of a sample that is drawn
UNSURE_FROM = 24  # samples of a run, in whose middle the error is a whole tolerance
LONG, APART = 400, 200  # a run of so many samples is level; so far apart its line counts as drawn
FINEST_MM = 1e-4  # difference, and step of heights, that is rounding


@dataclass(frozen=True)
class Completed:
    """All samples `y` (n,) of a curve in mm, and about their standard errors, 0 of those that are drawn."""

    y: np.ndarray
    errors_mm: np.ndarray


def completed(index: np.ndarray, y: np.ndarray, spacing_mm: float) -> Completed:
    """All samples of a curve of which those numbered `index` (k,), from 0 on, are drawn at `y` (k,), in mm."""
    every = np.arange(int(index[-1]) + 1)
    straight = np.interp(every, index, y)
    if len(index) == len(every):
        return Completed(straight, np.zeros(len(every)))
    smooth, near = straight, np.full(len(every), TOLERANCE_MM)
    if len(index) > ORDER:
        known = np.union1d(index, _along_lines(index))
        with suppress(LinAlgError):  # of a curve that is next to level, rounded coarsely: the lines remain
            smooth, near = _smoothest_by_rule(known, straight[known], spacing_mm)
    run, place, length = _runs(index, every)
    middle = np.sin(np.pi * place / length[run]) * np.minimum(length[run] / UNSURE_FROM, 1.0)
    steps = np.diff(np.unique(y))
    rounded = steps[steps > FINEST_MM].min(initial=0.0) / 2
    left_out = (place > 0) & (place < length[run])
    return Completed(smooth, np.where(left_out, np.hypot(near * middle, rounded) + FINEST_MM / 10, 0.0))


def _along_lines(index: np.ndarray) -> np.ndarray:
    """Samples in the middle of long runs, which the equations would leave too free."""
    long = [np.arange(start + APART, stop, APART) for start, stop in pairwise(index) if stop - start > LONG]
    return np.concatenate([np.zeros(0, int), *long])


def _runs(index: np.ndarray, every: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each sample the run that it is in and its place there, of each run its length."""
    length = np.diff(index)
    run = np.clip(np.searchsorted(index, every, side="right") - 1, 0, len(length) - 1)
    return run, every - index[run], length


def _smoothest_by_rule(index: np.ndarray, y: np.ndarray, spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """All samples of a curve, and of each how far the rule lets it be from its line, in mm."""
    count = int(index[-1]) + 1
    run, place, length = _runs(index, np.arange(count))
    start = index[:-1]
    first, between = start[length > 1] + 1, np.flatnonzero((place > 1) & (place < length[run]))
    smooth = _smoothest(index, y, count)
    for _ in range(ROUNDS):
        step = smooth[start + 1] - y[:-1]  # from the sample at which a run begins to its first
        near = TOLERANCE_MM * np.hypot(1.0, step / spacing_mm)
        leaves = np.sign(smooth[np.minimum(index[1:] + 1, count - 1)] - y[:-1] - (length + 1) * step)
        mean = y[:-1] + (np.diff(y) - leaves * USUALLY_OFF * near) / length
        line, wide = (y[:-1][run] + place * step[run])[between], near[run][between]
        outside = np.abs(smooth[between] - line) > wide
        wanted = np.zeros((2, count))  # weights, and these times heights
        wanted[:, first] = _weighted(mean, VARIES * near / length)[:, length > 1]
        held = np.clip(smooth[between], line - wide, line + wide)
        wanted[:, between] = outside * _weighted(held, HELD * wide)
        smooth = _smoothest(index, y, count, wanted, _sizes(smooth, spacing_mm))
    smooth[between] = np.clip(smooth[between], line - wide, line + wide)
    return smooth, near[run]


def _weighted(heights: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The weights (2, n) of `heights` with such standard errors, and these times the heights."""
    weights = np.reciprocal(np.square(errors))
    return np.stack([weights, weights * heights])


def _sizes(y: np.ndarray, spacing_mm: float) -> np.ndarray:
    """The mean squares of the differences of `y` near each of them."""
    squares = np.square(np.diff(y, ORDER))
    near = uniform_filter1d(squares, max(ORDER, int(NEAR_MM / spacing_mm)), mode="nearest")
    return near + LEAST_SHARE * np.median(near) + FINEST_MM**2


def _smoothest(
    index: np.ndarray,
    y: np.ndarray,
    count: int,
    wanted: np.ndarray | None = None,
    sizes: np.ndarray | None = None,
) -> np.ndarray:
    """The `count` samples, `y` at `index`, of which the squared differences, each divided by its size, and the squared
    distances from heights that are `wanted` (2, count), as `_weighted` gives them, have the least sum."""
    weights, weighted = np.zeros((2, count)) if wanted is None else wanted
    sizes = np.ones(count - ORDER) if sizes is None else sizes
    unit = np.median(sizes)
    bands = np.zeros((ORDER + 1, count))  # the upper ones of the symmetric matrix
    for i, one in enumerate(DIFFERENCES):
        for j in range(i, ORDER + 1):
            bands[ORDER - (j - i), j : count - ORDER + j] += one * DIFFERENCES[j] * unit / sizes
    right = unit * weighted
    bands[ORDER] += unit * weights
    bands[ORDER, index] += DRAWN
    right[index] += DRAWN * y
    smooth = solveh_banded(bands, right)
    smooth[index] = y
    return smooth
