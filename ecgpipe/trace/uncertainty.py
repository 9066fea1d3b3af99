"""How far a reading may be off, sample by sample: from the network's own spread and what is known of the page map.

The network knows where it is torn between two curves, but neither that the map is a little off nor that print and
picture are too coarse for the signal. So sigma is the root of a sum of squares, which grows with each of them:

    sigma^2 = (SPREAD s)^2 + FLOOR^2 + (ROUGH r)^2 + ((PLACE e)^2 + (CREASE b)^2) (1 / gain^2 + (slope / speed)^2)

with s the network's spread in mV; r the median amplitude in mV of what the page's traces hold beyond about 40 Hz; e the
map's expected error in mm and b its bend, as `rectify.quality` has them: an error of the map is one in voltage
everywhere, and one in time that counts where the trace is steep (slope in mV/s). `python -m examples.calibrate` finds
constants of which 97 % of the samples of simulated pages lie within 2 sigma. The constants here are its choice for maps
that followed the lines less closely, kept because they are wider: on real prints black ink lies beside the grid, a
little differently every few millimetres, which no map can follow and the simulation does not have. docs/accuracy.md
says how it went.
"""

import numpy as np

from ecgpipe.signals import smoothed
from ecgpipe.trace.reader import Traces

SPREAD, FLOOR_MV, ROUGH, PLACE, CREASE_MM = 0.89, 0.0025, 2.6, 1.1, 0.12
USUAL_ERROR_MM, USUAL_BEND = 0.007, 0.1  # of a map of which nothing is known
SLOPE_REACH_S = 0.005  # over which slopes are pooled: a flank's error reaches past its ends
FINE_S = 0.004  # standard deviation of the Gaussian beyond which detail is fine: 40 Hz


def uncertainty_terms(traces: Traces, expected_error_mm: float, bend: float) -> np.ndarray:
    """What each constant multiplies, in the order above, (5, rows, n) in mV or, for FLOOR_MV, 1."""
    layout = traces.layout
    fs_hz = traces.mv.shape[1] / layout.printed_s
    mv = _bridged(traces.mv.astype(np.float64))
    slope = np.sqrt(smoothed(np.square(np.gradient(mv, axis=1) * fs_hz), SLOPE_REACH_S * fs_hz))
    mv_per_mm = np.hypot(1 / layout.gain_mm_per_mv, slope / layout.speed_mm_per_s)
    fine = np.abs(mv - smoothed(mv, FINE_S * fs_hz))[np.isfinite(traces.mv)]
    rough = np.full_like(mv, np.median(fine) if fine.size else 0.0)
    return np.stack([traces.sigma_mv, np.ones_like(mv), rough, expected_error_mm * mv_per_mm, bend * mv_per_mm])


def row_sigma(traces: Traces, expected_error_mm: float = USUAL_ERROR_MM, bend: float = USUAL_BEND) -> np.ndarray:
    """Standard error (rows, n) in mV of the rows of `traces`; NaN where they were not read."""
    constants = np.array([SPREAD, FLOOR_MV, ROUGH, PLACE, CREASE_MM])[:, None, None]
    sigma = np.sqrt(np.square(constants * uncertainty_terms(traces, expected_error_mm, bend)).sum(axis=0))
    return np.where(np.isfinite(traces.mv), sigma, np.nan)


def _bridged(rows_mv: np.ndarray) -> np.ndarray:
    """Rows (rows, n) with straight lines where they are NaN; 0 where a row is NaN throughout."""
    t = np.arange(rows_mv.shape[1])
    known = np.isfinite(rows_mv)
    return np.stack(
        [np.interp(t, t[seen], row[seen]) if seen.any() else 0.0 * t for row, seen in zip(rows_mv, known, strict=True)]
    )
