"""Ink that belongs to another row: where tall waves cross rows, a strip shows several curves.

The network reads each row by itself. Where it is torn between two curves, and one of them is surely another row's, the
other one is this row's: of the probability that a row is at a height there remains as much as other rows are not there.
That may make the row sure as well, and tell the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgpipe.trace.decode import decoded, probabilities

TORN_PX = 4.0  # standard error from which a row is torn between heights
INK_PX, FALL_PX = 4.0, 1.0  # to either side of a line, what belongs to it, and how that ends
PEAK_PX = 6  # to either side, what belongs to a peak
SURE, MOST = 0.9, 0.999  # probability from which a row's ink is its own, and the most that counts of it
SWEEPS = 4  # over the rows
MOST_TORN = 0.9  # share of torn samples of a page on which something can be read


@dataclass
class Reading:
    """One row as it was read: `height` and `sigma` (T,) in px of its strip, whose first row is the frame's row `top`;
    of the samples `torn` (n,) between several heights, each one's probability `p` (n, H)."""

    height: np.ndarray
    sigma: np.ndarray
    top: int
    torn: np.ndarray
    p: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, top: int) -> "Reading":
        """The reading of a strip's `logits` (T, H)."""
        p = probabilities(logits)
        height, sigma = decoded(p)
        torn = np.flatnonzero(sigma > TORN_PX)
        return cls(height, sigma, top, torn, p[torn])

    def ink(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From where to where in the frame this row most likely has ink at each sample, and how likely, each (T,)."""
        height, likely = self.height.copy(), np.ones(len(self.height))
        if len(self.torn):
            at = np.arange(self.p.shape[1])
            near = np.abs(at - self.p.argmax(axis=1)[:, None]) <= PEAK_PX
            likely[self.torn] = (self.p * near).sum(axis=1)
            height[self.torn] = (self.p * near) @ at / likely[self.torn]
        padded = np.pad(height, 1, mode="edge")
        half_way = np.stack([(padded[:-2] + height) / 2, height, (padded[2:] + height) / 2]) + self.top
        return half_way.min(axis=0), half_way.max(axis=0), likely


def settle(readings: Sequence[Reading], others: Sequence[Reading] = ()) -> None:
    """Read the torn samples of `readings` again, without the ink that is surely another's of them or of `others`.

    Rows take turns, so that of two that are torn alike one keeps what it read.
    """
    rows = [*readings, *others]
    torn = sum(len(row.torn) for row in readings)
    if not 0 < torn <= MOST_TORN * sum(len(row.height) for row in rows):
        return
    alone = [row.p for row in readings]
    inks = [row.ink() for row in rows]
    for _ in range(SWEEPS):
        for number, (row, p) in enumerate(zip(readings, alone, strict=True)):
            if len(row.torn):
                row.p = _without(row, p, [ink for other, ink in enumerate(inks) if other != number])
                inks[number] = row.ink()
    for row in readings:
        row.height[row.torn], row.sigma[row.torn] = decoded(row.p)


def _without(row: Reading, p: np.ndarray, inks: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """The probabilities `p` (n, H) of the torn samples of `row`, less where others surely have their `inks`."""
    p, at = p.copy(), np.arange(p.shape[1], dtype=np.float32)
    reach = INK_PX + 4 * FALL_PX
    for low, high, likely in inks:
        low, high, likely = (ink[row.torn] for ink in (low - row.top, high - row.top, likely))
        met = np.flatnonzero((likely > SURE) & (high > -reach) & (low < len(at) + reach))
        off = np.maximum(low[met, None] - at, at - high[met, None]) - INK_PX
        p[met] *= 1 - MOST * likely[met, None] * np.exp(-np.square(off.clip(0) / FALL_PX) / 2)
    return p / p.sum(axis=1, keepdims=True)
