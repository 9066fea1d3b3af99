"""What was read of a page's rows, told as it was drawn: by a pen's line where that explains the ink, else without what
is finer than a pen."""

from dataclasses import replace

import numpy as np

from ecgpipe.rectify.flat import FlatPage
from ecgpipe.trace.pen import moved_to_ink
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.strips import FS_HZ

PEN_MM = 0.3  # width of a trace: the kit's has 0.27
WIDTH = 5  # samples through which a parabola is laid; 7, and order 4 through 9, do as well (docs/log.md, "Jitter")
_PLACES = np.vander(np.arange(WIDTH) - WIDTH // 2, 3)
_FITTED = _PLACES @ np.linalg.pinv(_PLACES)  # (WIDTH, WIDTH): from heights to those of the parabola through them


def as_drawn(traces: Traces, page: FlatPage | None) -> Traces:
    """The traces of a page, `page` if it lies flat, closer to what was drawn; rows, gaps and standard errors stay."""
    closer = moved_to_ink(traces, page) if page else traces
    return steadied(traces) if closer is traces else closer


def steadied(traces: Traces) -> Traces:
    """The traces without the jitter of a reading from one sample to the next: each sample is that of the parabola
    through the five about it, within its window. Where five samples span more than a pen's width, all stay."""
    if WIDTH * traces.layout.speed_mm_per_s / FS_HZ > PEN_MM:
        return traces
    mv = traces.mv.copy()
    for window in traces.layout.windows:
        part = mv[window.row, traces.layout.printed_samples(window, mv.shape[1])]
        known = np.flatnonzero(np.isfinite(part))
        for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            if len(run) >= WIDTH:
                part[run] = _smoothed(part[run])
    return replace(traces, mv=mv)


def _smoothed(mv: np.ndarray) -> np.ndarray:
    """A Savgol filter of order 2: `mv` (n,), WIDTH samples or more, with its ends on the first and last parabola."""
    half = WIDTH // 2
    inner = np.convolve(mv, _FITTED[half], "valid")  # the same from either side
    return np.concatenate([_FITTED[:half] @ mv[:WIDTH], inner, _FITTED[-half:] @ mv[-WIDTH:]])
