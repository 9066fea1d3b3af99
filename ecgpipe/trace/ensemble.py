"""Several weights as one reader: their rows are brought to one time and the median is taken."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecgpipe.page.geometry import FrameSpec
from ecgpipe.trace.reader import Flips, TraceReader, Traces

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

MOST_LAG = 5.0  # samples, 10 ms; weights differ by less than one
OUTLIER_MV = 0.05  # a difference above it is a misreading rather than a lag
NEWTON_ROUNDS = 6


class Reader(Protocol):
    """What reads frames: one network or several."""

    def read(self, frame: np.ndarray, inside: np.ndarray, spec: FrameSpec) -> Traces: ...


class EnsembleReader:
    """Reads a frame with each of `readers` and combines what they read."""

    def __init__(self, readers: Sequence[TraceReader]):
        self.readers = tuple(readers)

    def read(self, frame: np.ndarray, inside: np.ndarray, spec: FrameSpec) -> Traces:
        """The traces of a frame as `TraceReader.read` takes it; ParamsError if one of them reads another raster."""
        return combined([reader.read(frame, inside, spec) for reader in self.readers])


def load_reader(weights: Path | Sequence[Path], flips: Flips = "none") -> Reader:
    """A reader with the weights of one file, or of several together; DataError if one cannot be read."""
    paths = [weights] if isinstance(weights, str | Path) else weights
    readers = [TraceReader.load(path, flips) for path in paths]
    return readers[0] if len(readers) == 1 else EnsembleReader(readers)


def combined(readings: Sequence[Traces]) -> Traces:
    """Median (of two, the mean) of readings of one page, each row first moved to the readings' median time.

    The error is the root of the readings' mean square error and of how far apart they lie: networks trained on the same
    pages err together, so more of them do not make it smaller.
    """
    mv = np.stack([reading.mv for reading in readings]).astype(np.float64)
    for row in range(mv.shape[1]):
        mv[:, row] = aligned(mv[:, row])
    hidden = np.isnan(mv).all(axis=0)
    mv[:, hidden] = 0.0
    sigma = np.sqrt(np.mean([np.square(reading.sigma_mv) for reading in readings], axis=0) + np.nanvar(mv, axis=0))
    median = np.where(hidden, np.nan, np.nanmedian(mv, axis=0))
    return Traces(median.astype(np.float32), sigma.astype(np.float32), readings[0].layout)


def aligned(series: np.ndarray) -> np.ndarray:
    """Series (k, n) of one row moved, by fractions of a sample, to the median of their times; NaN stays."""
    from scipy.interpolate import CubicSpline  # takes a tenth of a second, of which a single reader has no need

    known = np.isfinite(series)
    if not known.any(axis=1).all():
        return series
    t = np.arange(series.shape[1], dtype=float)
    splines = [CubicSpline(t, np.interp(t, t[seen], one[seen])) for one, seen in zip(series, known, strict=True)]
    shared = known.all(axis=0)
    lags = np.array([lag_samples(splines[0], spline, t[shared]) for spline in splines])
    moved = np.stack([spline(t + lag) for spline, lag in zip(splines, lags - np.median(lags), strict=True)])
    return np.where(known, moved, np.nan)


def lag_samples(reference: "CubicSpline", late: "CubicSpline", t: np.ndarray) -> float:
    """By how many samples, within `MOST_LAG`, `late` lies behind `reference`; 0 if the times `t` show no wave.

    Least squares in lag and offset, by Newton's method, in which outliers have little weight.
    """
    if not len(t):
        return 0.0
    true, lag, offset = reference(t), 0.0, 0.0
    for _ in range(NEWTON_ROUNDS):
        slope, residual = late(t + lag, 1), true - late(t + lag) - offset
        weight = 1 / (1 + (residual / OUTLIER_MV) ** 2)
        design = np.stack([slope, np.ones_like(slope)], axis=1)
        normal = design.T @ (weight[:, None] * design) + np.diag([1e-9, 1e-9])
        step, lift = np.linalg.solve(normal, design.T @ (weight * residual))
        lag, offset = float(np.clip(lag + step, -MOST_LAG, MOST_LAG)), offset + lift
    return lag
