"""What somebody changes by hand: a stretch of a lead drawn anew or blanked, and marked in what is written then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.digitize.digitizer import Digitized
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import LEADS, PageLayout, Window

MOST_MV = 16.0  # that the formats of 16 bits hold
NEAR_MM = 2.0  # between points of a row from which a picture's pixel is sought on the page
ROUNDS = 8  # of Newton's method from there


@dataclass(frozen=True, eq=False)
class Edit:
    """Samples `start` to `stop` of `lead`, at the series' 500 Hz, redrawn as `mv` (n,) or blanked, `mv` None."""

    lead: str
    start: int
    stop: int
    mv: np.ndarray | None = None

    @property
    def kind(self) -> Literal["redrawn", "blanked"]:
        return "blanked" if self.mv is None else "redrawn"

    def span_s(self, fs_hz: float) -> tuple[float, float]:
        return self.start / fs_hz, self.stop / fs_hz


def fs_of(digitized: Digitized) -> float:
    """Samples a second of a reading's series."""
    return digitized.series_mv.shape[1] / digitized.traces.layout.duration_s


def blanked(digitized: Digitized, window: int, start_s: float, stop_s: float) -> Edit:
    """A stretch of time of a window, the `window`th of the layout, that shows nothing.

    EcgpipeError if there is no sample in it.
    """
    printed, lead = _window(digitized.traces.layout, window)
    fs_hz, span = fs_of(digitized), digitized.traces.layout.samples(printed, digitized.series_mv.shape[1])
    start, stop = max(round(start_s * fs_hz), span.start), min(round(stop_s * fs_hz), span.stop)
    if start >= stop:
        raise EcgpipeError(
            f"found {start_s:.2f} to {stop_s:.2f} s, expected a stretch within the {printed.start_s:.2f} to "
            f"{printed.stop_s:.2f} s that lead {lead} shows here"
        )
    return Edit(lead, start, stop)


def redrawn(digitized: Digitized, window: int, points_px: Sequence[tuple[float, float]]) -> Edit:
    """A line of picture pixels (n, 2), drawn over a window from left to right, in place of what was read there.

    A point that does not lie further along the paper than those before it is left out. EcgpipeError where too little is
    left, or too far off.
    """
    layout = digitized.traces.layout
    printed, lead = _window(layout, window)
    points_mm = _on_page(np.asarray(points_px, np.float64), digitized.page_map, layout, printed)
    t_s = printed.start_s + (points_mm[:, 0] - printed.left_mm) / layout.speed_mm_per_s
    mv = (layout.baselines_mm[printed.row] - points_mm[:, 1]) / (layout.gain_mm_per_mv * printed.gain_ratio)
    ahead = np.concatenate([[True], t_s[1:] > np.maximum.accumulate(t_s)[:-1]])
    t_s, mv = t_s[ahead], mv[ahead]
    span = layout.samples(printed, digitized.series_mv.shape[1])
    at_s = np.arange(span.start, span.stop) / fs_of(digitized)
    index = span.start + np.flatnonzero((at_s >= t_s[0]) & (at_s <= t_s[-1]))
    if len(index) < 2:
        raise EcgpipeError(f"found a line along {t_s[-1] - t_s[0]:.3f} s, expected one drawn along lead {lead}")
    drawn = np.interp(index / fs_of(digitized), t_s, mv)
    if not np.abs(drawn).max() <= MOST_MV:
        raise EcgpipeError(f"found a line up to {np.abs(drawn).max():.0f} mV from lead {lead}, expected one on it")
    return Edit(lead, int(index[0]), int(index[-1]) + 1, drawn)


def applied(digitized: Digitized, edits: Sequence[Edit]) -> Digitized:
    """The reading with `edits` made in their order, said in its warnings. Nobody knows how sure a hand is: no standard
    errors there."""
    if not edits:
        return digitized
    series_mv, sigma_mv = digitized.series_mv.copy(), digitized.sigma_mv.copy()
    for edit in edits:
        row, part = LEADS.index(edit.lead), slice(edit.start, edit.stop)
        series_mv[row, part] = np.nan if edit.mv is None else edit.mv
        sigma_mv[row, part] = np.nan
    said = tuple(f"edited by hand: {line}" for line in lines(digitized, edits))
    return replace(digitized, series_mv=series_mv, sigma_mv=sigma_mv, warnings=(*digitized.warnings, *said))


def lines(digitized: Digitized, edits: Sequence[Edit]) -> list[str]:
    """Each edit in words."""
    spans = [edit.span_s(fs_of(digitized)) for edit in edits]
    return [
        f"lead {edit.lead} {edit.kind} from {start_s:.3f} to {stop_s:.3f} s"
        for edit, (start_s, stop_s) in zip(edits, spans, strict=True)
    ]


def _window(layout: PageLayout, number: int) -> tuple[Window, str]:
    if not 0 <= number < len(layout.windows):
        raise EcgpipeError(f"found the stretch {number}, expected one of the {len(layout.windows)} that the page shows")
    return layout.windows[number], layout.windows[number].lead


def _on_page(points_px: np.ndarray, page_map: PageMap, layout: PageLayout, window: Window) -> np.ndarray:
    """Page points (n, 2) in mm of picture pixels (n, 2), each sought from the nearest point of the window's 0 mV."""
    length_mm = window.duration_s * layout.speed_mm_per_s
    x_mm = window.left_mm + np.linspace(0, length_mm, max(2, round(length_mm / NEAR_MM)))
    row_mm = np.stack([x_mm, np.full_like(x_mm, layout.baselines_mm[window.row])], axis=-1)
    apart = np.linalg.norm(points_px[:, None] - page_map.to_picture(row_mm), axis=-1)
    return page_map.to_page(points_px, row_mm[apart.argmin(axis=1)], ROUNDS)
