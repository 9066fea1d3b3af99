"""From the traces of a page's rows to twelve leads, and to any number of samples."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecgpipe.page.layout import LEADS, PageLayout, Window
from ecgpipe.signals import denoise_wavelet, fourier_resample, limb_lead_laws, remove_baseline_wander, smooth_signal
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.uncertainty import USUAL_BEND, USUAL_ERROR_MM, row_sigma


@dataclass(frozen=True)
class LeadOptions:
    """Steps beyond cutting rows into leads, chosen on out-of-fold readings by the stage postprocess.

    `smoothing_amount` is a window in samples for savgol and gaussian, a strength for wavelet; `wander_hz` the corner of
    a high-pass. 0 and none leave a step out.
    """

    merge_rhythm: bool = False
    limb_lead_residual_mv: float = 0.0
    smoothing: Literal["none", "savgol", "gaussian", "wavelet"] = "none"
    smoothing_amount: float = 0.0
    wander_hz: float = 0.0


PLAIN = LeadOptions()
# What simulated pages and real ones of every kind gained from (docs/accuracy.md).
DEFAULT = LeadOptions(merge_rhythm=True, limb_lead_residual_mv=1.0)


# What hides the ends of a window: the falling edge of the calibration pulse at a row's left end, separators elsewhere.
PULSE_EDGE_S, SEPARATOR_EDGE_S = 0.008, 0.002


def leads_of(traces: Traces, options: LeadOptions = PLAIN) -> np.ndarray:
    """Series (12, n) float32 in mV of the recording that `traces` show, NaN outside each lead's printed window.

    The ends of a window, which pulse and separators hide, hold the nearest sample seen. Each window is then smoothed
    and freed of wander about its own level, as `options` say. Of a lead that is printed more than once the longest
    window counts, merged with the shorter ones if `merge_rhythm`; the limb leads are moved towards their laws where
    the residual is below `limb_lead_residual_mv`, the least sure one most.
    """
    layout = traces.layout
    rows_mv = traces.mv.copy()
    series = np.full((len(LEADS), _recorded(traces)), np.nan)
    for window in sorted(layout.windows, key=lambda window: window.duration_s):
        printed, recorded = _places(window, traces)
        held = _held_ends(rows_mv[window.row, printed], window, layout) / window.gain_ratio
        rows_mv[window.row, printed] = _filtered(held, options, len(held) / window.duration_s)
        series[LEADS.index(window.lead), recorded] = rows_mv[window.row, printed]
    if options.merge_rhythm:
        sigma_mv = row_sigma(traces)
        for window in layout.windows:
            longest = layout.lead_windows[window.lead]
            if window is not longest:
                _merge(series[LEADS.index(window.lead)], window, longest, traces, rows_mv, sigma_mv)
    if options.limb_lead_residual_mv:
        series = limb_lead_laws(series, options.limb_lead_residual_mv, sigma_of(traces))
    return series.astype(np.float32)


def sigma_of(traces: Traces, expected_error_mm: float = USUAL_ERROR_MM, bend: float = USUAL_BEND) -> np.ndarray:
    """Standard error (12, n) float32 in mV of the series of `traces`, NaN where they are NaN; see `trace.uncertainty`.

    Where a window's end is held, how far the trace may have moved since, at its last slope, is added. The gain from
    merging and lead laws is not counted.
    """
    rows_sigma = row_sigma(traces, expected_error_mm, bend)
    sigma = np.full((len(LEADS), _recorded(traces)), np.nan)
    for window in sorted(traces.layout.windows, key=lambda window: window.duration_s):
        printed, recorded = _places(window, traces)
        index = np.arange(printed.stop - printed.start)
        source = _held_ends(index, window, traces.layout)  # where each sample was taken from
        slope = np.abs(np.gradient(traces.mv[window.row, printed].astype(np.float64)))
        away = np.abs(index - source) * np.nan_to_num(slope[source])
        spread = np.hypot(rows_sigma[window.row, printed][source], away)
        sigma[LEADS.index(window.lead), recorded] = spread / abs(window.gain_ratio)
    return sigma.astype(np.float32)


def nearest_leads(values: np.ndarray, rows: int, layout: PageLayout) -> np.ndarray:
    """`values` (12, n) at `rows` samples of the same recording, the nearest in each lead's window; NaN outside."""
    taken = np.full((len(LEADS), rows), np.nan)
    for lead, window in layout.lead_windows.items():
        row = LEADS.index(lead)
        source, target = layout.samples(window, values.shape[1]), layout.samples(window, rows)
        taken[row, target] = values[row, source][_nearest(source.stop - source.start, target.stop - target.start)]
    return taken


def resample_leads(series_mv: np.ndarray, rows: int, layout: PageLayout) -> np.ndarray:
    """`series_mv` (12, n) at `rows` samples of the same recording, each lead resampled within its own window.

    NaN inside a window stays NaN; such gaps are bridged only while resampling.
    """
    resampled = np.full((len(LEADS), rows), np.nan)
    for lead, window in layout.lead_windows.items():
        row = LEADS.index(lead)
        source, target = layout.samples(window, series_mv.shape[1]), layout.samples(window, rows)
        resampled[row, target] = _resample_known(series_mv[row, source], target.stop - target.start)
    return resampled


def _recorded(traces: Traces) -> int:
    """Samples of the whole recording at the rate of `traces`."""
    return round(traces.mv.shape[1] * traces.layout.duration_s / traces.layout.printed_s)


def _places(window: Window, traces: Traces) -> tuple[slice, slice]:
    """The samples of `window` in its printed row, and in the series: equally many."""
    printed = traces.layout.printed_samples(window, traces.mv.shape[1])
    recorded = traces.layout.samples(window, _recorded(traces))
    count = min(printed.stop - printed.start, recorded.stop - recorded.start)
    return slice(printed.start, printed.start + count), slice(recorded.start, recorded.start + count)


def _held_ends(signal: np.ndarray, window: Window, layout: PageLayout) -> np.ndarray:
    """`signal` of `window`, its hidden ends replaced by the nearest sample that was seen."""
    rate = len(signal) / window.duration_s
    leftmost = window is layout.row_windows(window.row)[0]
    first = round((PULSE_EDGE_S if leftmost else SEPARATOR_EDGE_S) * rate)
    last = len(signal) - 1 - round(SEPARATOR_EDGE_S * rate)
    return signal[np.clip(np.arange(len(signal)), first, last)]


def _filtered(signal: np.ndarray, options: LeadOptions, fs_hz: float) -> np.ndarray:
    """`signal` (n,) in mV at `fs_hz` smoothed and without its wander; its gaps are bridged meanwhile and stay."""
    index, known = np.arange(len(signal)), np.isfinite(signal)
    if not known.any() or (options.smoothing == "none" and not options.wander_hz):
        return signal
    filtered = np.interp(index, index[known], signal[known])
    if options.smoothing == "wavelet":
        filtered = denoise_wavelet(filtered, strength=options.smoothing_amount)
    elif options.smoothing != "none":
        filtered = smooth_signal(filtered, options.smoothing, window=round(options.smoothing_amount))
    if options.wander_hz:
        filtered = remove_baseline_wander(filtered, fs_hz, cutoff_hz=options.wander_hz) + filtered.mean()
    return np.where(known, filtered, np.nan)


def _resample_known(signal: np.ndarray, rows: int) -> np.ndarray:
    index, known = np.arange(len(signal)), np.isfinite(signal)
    if not known.any():
        return np.full(rows, np.nan)
    resampled = fourier_resample(np.interp(index, index[known], signal[known]), rows)
    return np.where(known[_nearest(len(signal), rows)], resampled, np.nan)


def _nearest(samples: int, rows: int) -> np.ndarray:
    """For each of `rows` the nearest of `samples` of the same stretch of time."""
    return np.minimum(np.rint(np.arange(rows) * samples / rows).astype(int), samples - 1)


def _merge(
    lead_mv: np.ndarray, short: Window, longest: Window, traces: Traces, rows_mv: np.ndarray, sigma_mv: np.ndarray
) -> None:
    """Put into `lead_mv` (n,), where `short` shows the lead too, the mean of both its windows, weighted by 1/sigma².

    The short window is first moved to the level of the `longest`, so that no step appears where it ends.
    """
    printed, recorded = _places(short, traces)
    begin = recorded.start + _places(longest, traces)[0].start - _places(longest, traces)[1].start
    in_longest = slice(begin, begin + recorded.stop - recorded.start)
    both = np.stack([rows_mv[longest.row, in_longest], rows_mv[short.row, printed]]).astype(np.float64)
    sigma = np.stack(
        [
            sigma_mv[longest.row, in_longest] / abs(longest.gain_ratio),
            sigma_mv[short.row, printed] / abs(short.gain_ratio),
        ]
    )
    weight = np.where(np.isfinite(both), sigma**-2.0, 0.0)
    shared = (weight > 0).all(axis=0)
    if shared.any():
        both[1] += np.median(both[0, shared] - both[1, shared])
        total = weight.sum(axis=0)
        lead_mv[recorded] = (weight * np.nan_to_num(both)).sum(axis=0) / np.where(total > 0, total, np.nan)
