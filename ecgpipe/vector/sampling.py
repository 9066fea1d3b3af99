"""The samples of a record that a drawing's curves join: at which speed they are drawn, and those that were left out.

A curve's points stand at the samples of a record. Where these are as far apart as one of the usual rates has them, but
for a trifle, it is the paper that is off by the trifle: a program that spreads n samples over the width of n, for
instance, draws all of them a little too far apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgpipe.vector.curves import Curve
from ecgpipe.vector.simplified import completed

RATES_HZ = (100, 120, 125, 200, 240, 250, 256, 300, 360, 400, 480, 500, 512, 600, 800, 1000)
# None of these was swept.
TRIFLE = 0.003  # share by which the paper may be off
ON_SAMPLE, NEARLY_ALL = 0.1, 0.95  # of a sample that points may be off, and the share of the points that must not be
LEAST_POINTS = 100
ALIKE = 2e-4  # share by which the curves of a page may differ


@dataclass(frozen=True)
class Sampling:
    """Samples `spacing_mm` apart of a record of `rate_hz`."""

    spacing_mm: float
    rate_hz: float

    @property
    def speed_mm_per_s(self) -> float:
        return self.spacing_mm * self.rate_hz


def sampling_of(curves: Sequence[Curve], nominal_mm_per_s: float) -> Sampling | None:
    """The sampling of which all points of `curves` are; None where there is no such of a usual rate."""
    for rate_hz in RATES_HZ:
        found = [_spacing(curve, nominal_mm_per_s / rate_hz) for curve in curves]
        known = [spacing for spacing in found if spacing is not None]
        if len(known) == len(found) and known and np.ptp(known) < ALIKE * known[0]:
            return Sampling(float(np.median(known)), rate_hz)
    return None


def _spacing(curve: Curve, usual_mm: float) -> float | None:
    """How far apart the samples are that a curve's points are some of, nearly `usual_mm`; None if they are none."""
    x = curve.points[:, 0]
    index = _index(curve, usual_mm)
    if len(x) < LEAST_POINTS or index[-1] < LEAST_POINTS:
        return None
    spacing, first = np.polyfit(index, x, 1)
    off = np.abs(x - first - index * spacing) / spacing
    if np.quantile(off, NEARLY_ALL) > ON_SAMPLE or abs(spacing / usual_mm - 1) > TRIFLE:
        return None
    return float(spacing)


def _index(curve: Curve, spacing_mm: float) -> np.ndarray:
    """The number of the sample at which each point stands, from the first one on."""
    return np.cumsum(np.concatenate([[0], np.rint(np.diff(curve.points[:, 0]) / spacing_mm)])).astype(int)


def at_samples(curve: Curve, sampling: Sampling, left_mm: float) -> Curve:
    """A curve with a point at each sample, the first one at `left_mm` if it is as near as that: those that it has, less
    the rounding of their x, and those that were left out, with their errors."""
    index, first = np.unique(_index(curve, sampling.spacing_mm), return_index=True)
    every = completed(index, curve.points[first, 1], sampling.spacing_mm)
    left = left_mm if abs(left_mm - curve.left) < sampling.spacing_mm / 4 else curve.left
    x = left + np.arange(len(every.y)) * sampling.spacing_mm
    return Curve(np.stack([x, every.y], axis=-1), curve.sources, every.errors_mm)
