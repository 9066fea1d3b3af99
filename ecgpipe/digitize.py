"""The one road from a picture to twelve leads: rectify, resample once, read the rows, settle, cut into leads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgpipe.geometry import FrameSpec, PageMap, resample
from ecgpipe.layout import BASELINES_MM, GAIN_MM_PER_MV, time_to_mm
from ecgpipe.leads import LeadOptions, leads_of, resample_leads
from ecgpipe.rectify import rectify
from ecgpipe.rectify.quality import Quality
from ecgpipe.trace.reader import TraceReader, Traces
from ecgpipe.trace.weights import SHIPPED

FS_HZ = 500


@dataclass(frozen=True)
class Digitized:
    """One page read: `series_mv` (12, 5000) float32 at 500 Hz, NaN outside the printed windows and the picture.

    `traces` are the four printed rows as they were read, `page_map` leads from page mm back to the picture's pixels,
    `quality` says how far to trust the rectification.
    """

    series_mv: np.ndarray
    traces: Traces
    page_map: PageMap
    quality: Quality

    def resampled(self, rows: int) -> np.ndarray:
        """The series at `rows` samples of the same 10 s, (12, rows) in mV."""
        if rows == self.series_mv.shape[1]:
            return self.series_mv
        return resample_leads(self.series_mv, rows)


class Digitizer:
    """Weights, loaded once, that read any number of pictures."""

    def __init__(
        self,
        weights: Path = SHIPPED,
        spec: FrameSpec = FrameSpec(),  # noqa: B008, frozen
        options: LeadOptions = LeadOptions(),  # noqa: B008, frozen
    ):
        self.reader, self.spec, self.options = TraceReader.load(weights), spec, options

    def digitize(self, picture: np.ndarray) -> Digitized:
        """Read the page in `picture` (H, W, 3) uint8 RGB. Raises PageNotFound if there is none."""
        rectified = rectify(picture)
        frame, inside = resample(picture, rectified.page_map, self.spec)
        traces = self.reader.read(frame, inside, self.spec)
        first_map, rectified = rectified.page_map, rectified.without_traces(trace_curves(traces))
        traces = moved_traces(traces, first_map, rectified.page_map)
        return Digitized(leads_of(traces, self.options), traces, rectified.page_map, rectified.quality)


def trace_curves(traces: Traces) -> list[np.ndarray]:
    """Each row of `traces` as a curve (n, 2) of page points in mm, without what was not seen."""
    curves = np.stack([np.broadcast_to(_times_mm(traces), traces.mv.shape), _heights_mm(traces.mv)], axis=-1)
    return [curve[seen] for curve, seen in zip(curves, np.isfinite(traces.mv), strict=True) if seen.any()]


def moved_traces(traces: Traces, read_with: PageMap, better: PageMap) -> Traces:
    """`traces`, read through one page map, as they lie on the page by a better one of the same picture.

    Reading again would cost a second; moving the curve and sampling it at its nominal times costs nothing.
    """
    times_mm, mv = _times_mm(traces), traces.mv.copy()
    for row, base in enumerate(BASELINES_MM):
        seen = np.flatnonzero(np.isfinite(mv[row]))
        if not seen.size:
            continue
        points = np.stack([times_mm[seen], _heights_mm(mv)[row, seen]], axis=-1)
        moved = better.to_page(read_with.to_picture(points), points)
        along = np.maximum.accumulate(moved[:, 0])
        mv[row, seen] = np.interp(times_mm[seen], along, (base - moved[:, 1]) / GAIN_MM_PER_MV)
    return Traces(mv, traces.sigma_mv)


def _times_mm(traces: Traces) -> np.ndarray:
    return time_to_mm(np.arange(traces.mv.shape[1]) / FS_HZ)


def _heights_mm(mv: np.ndarray) -> np.ndarray:
    return np.array(BASELINES_MM)[:, None] - mv * GAIN_MM_PER_MV
