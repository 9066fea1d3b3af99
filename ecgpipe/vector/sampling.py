"""The samples of a record that a drawing's curves join: at which speed they are drawn, and those that were left out.

A curve's points stand at the samples of a record. Where these are as far apart as one of the usual rates has them, but
for a trifle, it is the paper that is off by the trifle: a program that spreads n samples over the width of n, for
instance, draws all of them a little too far apart.

Many programs leave out samples that lie nearly on the line between others: matplotlib those that are less than a ninth
of a point off, which on a steep flank is a tenth of a millivolt. They are put back where the curve is smoothest, no
farther from the line than that. Pages of dicom-ecg-plot, of which the whole record is known, gain 8 to 9 dB by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.linalg import solveh_banded

from ecgpipe.page.layout import MM_PER_INCH
from ecgpipe.vector.curves import Curve

RATES_HZ = (100, 120, 125, 200, 240, 250, 256, 300, 360, 400, 480, 500, 512, 600, 800, 1000)
TOLERANCE_MM = MM_PER_INCH / 72 / 9  # of matplotlib's path.simplify_threshold, in a PDF
ORDER = 3  # of the differences that are least; 2 and 4 were tried and are worse by 0.3 to 2 dB
# None of these was swept.
TRIFLE = 0.003  # share by which the paper may be off
ON_SAMPLE, NEARLY_ALL = 0.1, 0.95  # of a sample that points may be off, and the share of the points that must not be
LEAST_POINTS = 100
ALIKE = 2e-4  # share by which the curves of a page may differ
LEFT_OUT = 0.1  # share of the samples without a point, from which a program has left them out
FIRM = 1e7  # weight of a sample that is drawn


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


def lacks_samples(curve: Curve, sampling: Sampling) -> bool:
    """Whether samples of a curve were left out."""
    index = _index(curve, sampling.spacing_mm)
    return len(np.unique(index)) < (1 - LEFT_OUT) * (index[-1] + 1)


def at_samples(curve: Curve, sampling: Sampling, left_mm: float) -> Curve:
    """A curve with a point at each sample, the first one at `left_mm` if it is as near as that: those that it has, less
    the rounding of their x, and those that were left out.

    The latter have the least third differences, but are nowhere farther than TOLERANCE_MM from the line that is drawn.
    """
    index, first = np.unique(_index(curve, sampling.spacing_mm), return_index=True)
    y = curve.points[first, 1]
    count = int(index[-1]) + 1
    left = left_mm if abs(left_mm - curve.left) < sampling.spacing_mm / 4 else curve.left
    every = np.arange(count)
    if len(index) < count and len(index) > ORDER:
        y = _completed(index, y, sampling.spacing_mm)
    elif len(index) < count:
        y = np.interp(every, index, y)
    return Curve(np.stack([left + every * sampling.spacing_mm, y], axis=-1), curve.sources)


def _completed(index: np.ndarray, y: np.ndarray, spacing_mm: float) -> np.ndarray:
    """All samples, of which those at `index` are `y`."""
    count = int(index[-1]) + 1
    known = np.zeros(count)
    known[index] = FIRM
    bands = _differences(count)
    bands[ORDER] += known
    wanted = np.zeros(count)
    wanted[index] = FIRM * y
    every = np.arange(count)
    straight = np.interp(every, index, y)
    steep = (np.diff(y) / np.diff(index * spacing_mm))[np.searchsorted(index[1:-1], every, side="right")]
    near = TOLERANCE_MM * np.hypot(1.0, steep)
    smooth = np.clip(solveh_banded(bands, wanted), straight - near, straight + near)
    smooth[index] = y
    return smooth


def _differences(count: int) -> np.ndarray:
    """The upper bands of the matrix whose quadratic form is the sum of the squared differences of `count` samples."""
    weights = [(-1) ** (ORDER - k) * comb(ORDER, k) for k in range(ORDER + 1)]
    bands = np.zeros((ORDER + 1, count))
    for i, one in enumerate(weights):
        for j in range(i, ORDER + 1):
            bands[ORDER - (j - i), j : count - ORDER + j] += one * weights[j]
    return bands
