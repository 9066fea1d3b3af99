"""Whether the columns of a page were recorded one after another or at once, told by when hearts beat in them."""

from collections.abc import Iterator

import numpy as np

from ecgpipe.page.layout import Timing, Window
from ecgpipe.signals import smoothed
from ecgpipe.trace.reader import Traces

SLOPE_S, ENERGY_S = 0.004, 0.020  # standard deviations of the smoothing of signal and of energy
ALIKE, UNLIKE = 0.75, 0.4  # correlation of the energies of columns that beat together, and apart; not swept
LEAST_S = 1.8


def timing_of(traces: Traces) -> Timing:
    """How the columns of `traces` were recorded.

    Where a rhythm strip runs below them, columns that follow each other beat with what is above or below; columns that
    are simultaneous all beat with the strip's beginning. Without a strip, those that beat together are simultaneous.
    """
    layout = traces.layout
    if layout.columns == 1:
        return "sequential"
    main = [window for window in layout.windows if len(layout.row_windows(window.row)) == layout.columns]
    columns = [_energy(traces, group) for group in _columns(main)]
    strips = [window for window in layout.windows if window not in main]
    if any(len(column) < LEAST_S * _fs_hz(traces) for column in columns):
        return "unknown"
    together = [_alike(columns[0], column) for column in columns[1:]]
    if strips:
        strip = _energy(traces, strips[:1])
        starts = [
            round((group[0].left_mm - strips[0].left_mm) / layout.speed_mm_per_s * _fs_hz(traces))
            for group in _columns(main)
        ][1:]
        in_turn = [_alike(strip[max(start, 0) :], column) for start, column in zip(starts, columns[1:], strict=True)]
        if np.median(in_turn) > ALIKE and np.median(in_turn) > np.median(together):
            return "sequential"
    if min(together) > ALIKE:
        return "simultaneous"
    return "sequential" if max(together) < UNLIKE else "unknown"


def _columns(windows: list[Window]) -> Iterator[list[Window]]:
    """The windows of each column, from left to right."""
    for left_mm in sorted({window.left_mm for window in windows}):
        yield [window for window in windows if window.left_mm == left_mm]


def _fs_hz(traces: Traces) -> float:
    return traces.mv.shape[1] / traces.layout.printed_s


def _energy(traces: Traces, windows: list[Window]) -> np.ndarray:
    """How steep the leads of some simultaneous windows are, (n,) at the traces' rate."""
    fs_hz, total = _fs_hz(traces), traces.mv.shape[1]
    parts = [traces.mv[window.row, traces.layout.printed_samples(window, total)] for window in windows]
    stack = np.nan_to_num(np.stack([part[: min(map(len, parts))] for part in parts]).astype(np.float64))
    slope = np.diff(smoothed(stack, SLOPE_S * fs_hz), axis=1)
    return smoothed(np.sqrt(np.square(slope).mean(axis=0)), ENERGY_S * fs_hz)


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two energies from their beginnings on; 0 where one of them is flat."""
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    if count < 2 or min(one.std(), other.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
