"""Pages of PDFs whose traces are lines: taken as they are drawn, neither rendered nor read.

Only a page that has one known layout clearly, and shows what is taken from it, is a `VectorPage`. Any other is left to
be rendered and read as a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import LEADS, PageLayout, SpeedTold, Window
from ecgpipe.recognize.hints import Hints
from ecgpipe.rectify.leaves import Leaf
from ecgpipe.rectify.pdf import dpi_of, opened, page_of, size_px
from ecgpipe.rectify.quality import Quality
from ecgpipe.signals import limb_lead_laws
from ecgpipe.trace.reader import Traces
from ecgpipe.vector.curves import Curve, as_pulse, as_trace, curves_of, has_steps, is_trace
from ecgpipe.vector.drawing import Drawing, Line, drawing_of, turn
from ecgpipe.vector.fit import FS_HZ, Fit, fit
from ecgpipe.vector.grid import Scale, is_straight, scale_of
from ecgpipe.vector.seen import all_seen
from ecgpipe.vector.texts import gains, names, speeds, turns_to_read

# None of these was swept. Lengths are mm.
LEAST_TRACES = 3
BAR = (1.0, 15.0)  # lengths of upright lines that may part two leads
BESIDE = 10.0  # the grid, that a trace may run
FINEST = 1e-4  # step of a PDF's numbers; below it the numbers of a page are rounded when they are read
REACH_S = 0.001  # beyond its end that a curve still has its last height: half a sample


class OwnLines(Quality):
    """The quality of a page whose traces are lines of its own."""

    def __str__(self) -> str:
        return "traces as the page draws them"


@dataclass(frozen=True)
class VectorPage:
    """A page of a PDF with its `traces`, and the `curves` in mm of its windows, in their order.

    `error_mm` is how far these may be off by the PDF's numbers and its grid; samples that were put back have errors of
    their own. `page_map` leads to the pixels of the page's rendering, `quality` says how regular its grid is; `doubts`
    and `speed_told` are as those of a `Page`.
    """

    traces: Traces
    curves: tuple[Curve, ...]
    error_mm: float
    page_map: PageMap
    quality: Quality
    doubts: tuple[str, ...]
    speed_told: SpeedTold

    def series(self, layout: PageLayout) -> tuple[np.ndarray, np.ndarray]:
        """Millivolts and their standard errors, each (12, n) float32 at 500 Hz, NaN where no curve is; `layout` is that
        of the page, perhaps at another speed, or without some windows.

        The error is that of the curves in height and, where they are steep, in time.
        """
        series = np.full((2, len(LEADS), round(layout.duration_s * FS_HZ)), np.nan)
        for window in sorted(layout.windows, key=lambda window: window.duration_s):
            curve = self._curve(window.row, window.left_mm)
            samples = layout.samples(window, series.shape[-1])
            x_mm = _places(layout, window, samples.stop - samples.start)
            mv = _sampled(curve, layout, window, x_mm)
            slope = np.nan_to_num(np.gradient(mv) * FS_HZ)
            per_mm = 1 / (layout.gain_mm_per_mv * abs(window.gain_ratio))
            drawn = self.error_mm * np.hypot(per_mm, slope / layout.speed_mm_per_s)
            sigma = np.where(np.isfinite(mv), np.hypot(drawn, curve.error_at(x_mm) * per_mm), np.nan)
            series[:, LEADS.index(window.lead), samples] = mv, sigma
        return series[0].astype(np.float32), series[1].astype(np.float32)

    def lawful(self, series_mv: np.ndarray, sigma_mv: np.ndarray, layout: PageLayout, limit_mv: float) -> np.ndarray:
        """`series` by the laws of the limb leads, where samples were put back.

        Rhythm strips, which may have another time than the columns above them, are left out.
        """
        if all(curve.drawn.all() for curve in self.curves):
            return series_mv
        windows = layout.lead_windows
        shortest = min(window.duration_s for window in windows.values())
        short = np.array([lead in windows and windows[lead].duration_s == shortest for lead in LEADS])[:, None]
        lawful = limb_lead_laws(np.where(short, series_mv, np.nan), limit_mv, sigma_mv)
        return np.where(np.isnan(lawful), series_mv, lawful).astype(np.float32)

    def _curve(self, row: int, left_mm: float) -> Curve:
        places = [(window.row, window.left_mm) for window in self.traces.layout.windows]
        return self.curves[places.index((row, left_mm))]


def _places(layout: PageLayout, window: Window, count: int) -> np.ndarray:
    """The x (count,) in mm of the samples of a window at 500 Hz from its beginning on."""
    return window.left_mm + np.arange(count) / FS_HZ * layout.speed_mm_per_s


def _sampled(curve: Curve, layout: PageLayout, window: Window, x_mm: np.ndarray) -> np.ndarray:
    """The millivolts of a window at `x_mm`."""
    y_mm = curve.at(x_mm, REACH_S * layout.speed_mm_per_s)
    return (layout.baselines_mm[window.row] - y_mm) / (layout.gain_mm_per_mv * window.gain_ratio)


def page_by_lines(leaf: Leaf, hints: Hints) -> VectorPage | None:
    """`vector_page` of a `leaf` that is a PDF's."""
    with opened(leaf.path) as document:
        page = page_of(document, leaf.place)
        drawing = drawing_of(page)
        turns = turns_to_read(drawing)
        drawing = drawing.turned(turns)
        scale = scale_of(drawing)
        if scale is None:
            return None
        fitted = _fitted(drawing, scale, hints)
        if fitted is None:
            return None
        sources = frozenset().union(*(curve.sources for curve in fitted.curves))
        places = [_displayed(curve.points, scale, drawing, turns) for curve in fitted.curves]
        if not all_seen(page, sources, places):
            return None
        dpi = dpi_of(page)
        px = np.array(size_px(page, dpi)) / np.array(page.get_size())

    def to_picture(points_mm: np.ndarray) -> np.ndarray:
        return _displayed(points_mm, scale, drawing, turns) * px - 0.5

    layout = fitted.layout
    return VectorPage(
        traces=_traces(fitted),
        curves=fitted.curves,
        error_mm=float(np.hypot(_rounding(fitted.curves), scale.misfit_mm)),
        page_map=PageMap.from_function(layout, to_picture),
        quality=OwnLines(0.0, 0.0, 0.0, scale.misfit_mm, 0.0, fitted.named, turns),
        doubts=fitted.doubts,
        speed_told=fitted.speed_told,
    )


def _fitted(drawing: Drawing, scale: Scale, hints: Hints) -> Fit | None:
    """The layout of a drawing, by its traces as they are drawn, else joined where one goes on with another."""
    sheet = scale.size_mm(drawing), scale.grid
    bars = [scale.to_mm(line.points)[0, 0] for line in drawing.lines if _is_bar(line, scale)]
    scales = speeds(drawing.text), gains(drawing.text)
    for join in (False, True):
        curves = [curve for curve in curves_of(drawing.lines, scale, join_traces=join) if _on_grid(curve, scale)]
        traces = [as_trace(curve) for curve in curves if is_trace(curve) and not as_pulse(curve)]
        pulses = [pulse for curve in curves if (pulse := as_pulse(curve))]
        if len(traces) < LEAST_TRACES or any(has_steps(trace.recorded) for trace in traces):
            continue
        fitted = fit(traces, pulses, bars, names(drawing, scale), scales, sheet, hints)
        if fitted is not None:
            return fitted
    return None


def _is_bar(line: Line, scale: Scale) -> bool:
    wide, high = np.ptp(scale.to_mm(line.points), axis=0)
    return is_straight(line) and wide < high and BAR[0] <= high <= BAR[1] and line.style not in scale.styles


def _on_grid(curve: Curve, scale: Scale) -> bool:
    """Whether a curve lies on the grid, or just beside it."""
    x, y = scale.x, scale.y
    middle = curve.points.mean(axis=0)
    low = np.array([x.first / x.unit, y.first / y.unit]) - BESIDE
    high = np.array([x.last / x.unit, y.last / y.unit]) + BESIDE
    return bool((middle > low).all() and (middle < high).all())


def _displayed(points_mm: np.ndarray, scale: Scale, drawing: Drawing, turns: int) -> np.ndarray:
    """Points (..., 2) in mm of the upright sheet in points of the page as it is shown."""
    back, _ = turn(-turns, drawing.size)
    points = np.asarray(points_mm, np.float64) * np.array([scale.x.unit, scale.y.unit])
    return points @ back[:, :2].T + back[:, 2]


def _traces(fitted: Fit) -> Traces:
    """The rows of the page at 500 Hz."""
    layout = fitted.layout
    total = round(layout.printed_s * FS_HZ)
    mv = np.full((layout.rows, total), np.nan, np.float32)
    for window, curve in zip(layout.windows, fitted.curves, strict=True):
        part = layout.printed_samples(window, total)
        x_mm = _places(layout, window, part.stop - part.start)
        mv[window.row, part] = _sampled(curve, layout, window, x_mm) * window.gain_ratio
    return Traces(mv, np.zeros_like(mv), layout)


def _rounding(curves: Sequence[Curve]) -> float:
    """The standard error in mm of heights by how finely a PDF places points."""
    apart = np.diff(np.unique(np.concatenate([curve.points[curve.drawn, 1] for curve in curves])))
    return float(apart[apart > FINEST].min(initial=1.0) / np.sqrt(12))
