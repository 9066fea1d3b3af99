"""From the four traces of a page to twelve leads, and to any number of rows."""

from dataclasses import dataclass

import numpy as np

from ecgpipe.page.layout import DURATION_S, LEADS, RHYTHM_LEAD, RHYTHM_ROW, Window, windows
from ecgpipe.signals import fourier_resample, limb_lead_laws
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.uncertainty import USUAL_BEND, USUAL_ERROR_MM, row_sigma


@dataclass(frozen=True)
class LeadOptions:
    """What is done beyond cutting the rows into leads; chosen on out-of-fold readings by the postprocess stage."""

    merge_rhythm: bool = False
    limb_lead_residual_mv: float = 0.0


PLAIN = LeadOptions()
# What simulated pages and real ones of every kind gained from (docs/accuracy.md).
DEFAULT = LeadOptions(merge_rhythm=True, limb_lead_residual_mv=1.0)


# What hides the ends of a window: the falling edge of the calibration pulse at t = 0, the separators elsewhere.
PULSE_EDGE_S, SEPARATOR_EDGE_S = 0.008, 0.002


def leads_of(traces: Traces, options: LeadOptions = PLAIN) -> np.ndarray:
    """Series (12, n) float32 in mV of `traces` (4, n), NaN outside each lead's printed window.

    The ends of a window, which pulse and separators hide, hold the nearest sample seen. Lead II is the rhythm strip,
    in its first quarter merged with the short row if `merge_rhythm`; the limb leads are moved towards their laws where
    the residual is below `limb_lead_residual_mv`, the least sure one most.
    """
    samples = traces.mv.shape[1]
    series = np.full((len(LEADS), samples), np.nan)
    rows_mv = traces.mv.copy()
    for window in windows():
        part = _part(window, samples)
        rows_mv[window.row, part] = _held_ends(rows_mv[window.row, part], window)
        series[LEADS.index(window.lead), part] = rows_mv[window.row, part]
    if options.merge_rhythm:
        series[LEADS.index(RHYTHM_LEAD)] = _merged_rhythm(rows_mv, row_sigma(traces))
    if options.limb_lead_residual_mv:
        series = limb_lead_laws(series, options.limb_lead_residual_mv, sigma_of(traces))
    return series.astype(np.float32)


def sigma_of(traces: Traces, expected_error_mm: float = USUAL_ERROR_MM, bend: float = USUAL_BEND) -> np.ndarray:
    """Standard error (12, n) float32 in mV of the series of `traces`, NaN where these are; see `trace.uncertainty`.

    Where a window's end is held, what the trace may have done meanwhile at its last slope comes on top. What merging
    and lead laws gain is not counted.
    """
    samples = traces.mv.shape[1]
    rows_sigma = row_sigma(traces, expected_error_mm, bend)
    sigma = np.full((len(LEADS), samples), np.nan)
    for window in windows():
        part = _part(window, samples)
        held = _held_ends(np.arange(samples, dtype=float)[part], window)  # where each sample was taken from
        slope = np.abs(np.gradient(traces.mv[window.row, part].astype(np.float64)))
        source = held.astype(int) - part.start
        away = np.abs(np.arange(samples)[part] - held) * np.nan_to_num(slope[source])
        sigma[LEADS.index(window.lead), part] = np.hypot(rows_sigma[window.row, part][source], away)
    return sigma.astype(np.float32)


def nearest_leads(values: np.ndarray, rows: int) -> np.ndarray:
    """`values` (12, n) at `rows` samples of the same 10 s, the nearest in each lead's window; NaN as in the series."""
    taken = np.full((len(LEADS), rows), np.nan)
    for lead, window in {window.lead: window for window in windows()}.items():
        row = LEADS.index(lead)
        source, target = _part(window, values.shape[1]), _part(window, rows)
        taken[row, target] = values[row, source][_nearest(source.stop - source.start, target.stop - target.start)]
    return taken


def resample_leads(series_mv: np.ndarray, rows: int) -> np.ndarray:
    """`series_mv` (12, n) at `rows` samples of the same 10 s, each lead resampled within its own window.

    What was NaN inside a window stays NaN; the resampling itself sees such stretches bridged.
    """
    resampled = np.full((len(LEADS), rows), np.nan)
    for lead, window in {window.lead: window for window in windows()}.items():  # of lead II's two, the rhythm strip
        row = LEADS.index(lead)
        source, target = _part(window, series_mv.shape[1]), _part(window, rows)
        resampled[row, target] = _resample_known(series_mv[row, source], target.stop - target.start)
    return resampled


def _held_ends(signal: np.ndarray, window: Window) -> np.ndarray:
    """`signal` of `window`, its hidden ends replaced by the nearest sample that was seen."""
    rate = len(signal) / (window.stop_s - window.start_s)
    first = round((SEPARATOR_EDGE_S if window.start_s else PULSE_EDGE_S) * rate)
    last = len(signal) - 1 - round(SEPARATOR_EDGE_S * rate)
    return signal[np.clip(np.arange(len(signal)), first, last)]


def _part(window: Window, samples: int) -> slice:
    """The samples of `window` among `samples` of the whole 10 s, rounded down as the competition does."""
    return slice(int(window.start_s / DURATION_S * samples), int(window.stop_s / DURATION_S * samples))


def _resample_known(signal: np.ndarray, rows: int) -> np.ndarray:
    index, known = np.arange(len(signal)), np.isfinite(signal)
    if not known.any():
        return np.full(rows, np.nan)
    resampled = fourier_resample(np.interp(index, index[known], signal[known]), rows)
    return np.where(known[_nearest(len(signal), rows)], resampled, np.nan)


def _nearest(samples: int, rows: int) -> np.ndarray:
    """For each of `rows` the nearest of `samples` of the same stretch of time."""
    return np.minimum(np.rint(np.arange(rows) * samples / rows).astype(int), samples - 1)


def _merged_rhythm(rows_mv: np.ndarray, sigma_mv: np.ndarray) -> np.ndarray:
    """The rhythm strip (n,); in its first quarter the mean with the short row of lead II, weighted by 1/sigma².

    The short row is first moved to the strip's level, so that no step appears where it ends.
    """
    short = next(window for window in windows() if window.lead == RHYTHM_LEAD)
    part = _part(short, rows_mv.shape[1])
    merged = rows_mv[RHYTHM_ROW].astype(np.float64)
    both = rows_mv[[RHYTHM_ROW, short.row], part].astype(np.float64)
    weight = np.where(np.isfinite(both), sigma_mv[[RHYTHM_ROW, short.row], part] ** -2.0, 0.0)
    shared = (weight > 0).all(axis=0)
    if shared.any():
        both[1] += np.median(both[0, shared] - both[1, shared])
        total = weight.sum(axis=0)
        mean = (weight * np.nan_to_num(both)).sum(axis=0) / np.where(total > 0, total, np.nan)
        merged[part] = mean
    return merged
