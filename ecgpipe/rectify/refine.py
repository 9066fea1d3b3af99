"""The anchored page, settled on its printed lines one by one."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ecgpipe.base.parallel import both
from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.rectify.cycle_slips import find_slips, put_right
from ecgpipe.rectify.landmarks import Anchor
from ecgpipe.rectify.line_localisation import measure_strokes
from ecgpipe.rectify.mesh import (
    BRIEF,
    CANVAS_PX_PER_MM,
    FINE_PX_PER_MM,
    PEAK_MM,
    Lattice,
    Misfit,
    measure,
    sample_linear,
)
from ecgpipe.rectify.smoothing import best_stiffness, smooth
from ecgpipe.rectify.snapping import Pattern, find_pattern, find_ripple

STEP_MM = BOX_MM
FIRST = (-1, -1)  # column and row: the page's line that is the first of its lattice, which has one beyond each edge
MAP_STEP_MM = 2.5
WINDOWS_MM = (5.0, 4.0)  # to come near
HARMONICS = 4
ROUNDS = 2
REPAIRS = 2
LOOSE = 1.0  # stiffness before it is known
# What lies this far off the surface is no line of the sheet's; it is fitted so often until such have little say.
FIT = {"outlier": 0.2, "rounds": 2}
# A line for itself, told from the 1 mm lines beside it.
OWN = {"window_mm": 1.5, "harmonics": 12, "reach_mm": 0.5, "pieces": BRIEF, "px_per_mm": FINE_PX_PER_MM}
OWN_FIT = {"outlier": 0.06, "rounds": 4}
CLOSE_FIT = OWN_FIT | {"crease": 0.014}  # where boxes are counted, sheets so ready to fold slip more often
OFF_SHEET_MM = 0.3  # a line this far off the settled surface belongs to no part of it
LINE_MM = 0.4  # half the width in which the level of the printed lines is looked for
LINE_QUANTILE = 0.9  # lines that straddle two pixels are paler than others
BLUR_PX = 1.0
PALEST_TRACE = 0.15  # contrast so blurred
MOST_LEVEL, MOST_SHARE = 0.5, 0.15  # grids blacker than this, or mould, cannot be told from the trace


def page_lattice(lattice: Lattice, anchor: Anchor, layout: PageLayout) -> Lattice:
    """The lattice turned upright and cut to a page of `layout`, each node on the crossing of two of its lines."""
    upright = np.rot90(lattice.nodes, anchor.turns)
    down, across = layout.grid.rows, layout.grid.columns
    boxes = np.stack(np.meshgrid(np.arange(across + 2), np.arange(down + 2)), axis=-1) + FIRST
    at = boxes + anchor.first
    return Lattice(sample_linear(upright, at[..., 0], at[..., 1]), STEP_MM, STEP_MM * np.array(FIRST, np.float64))


def without_trace(dark: np.ndarray, ink: np.ndarray, lattice: Lattice) -> np.ndarray:
    """`dark` with NaN where the trace is, as far as `ink`, the contrast of black, tells it from the lines of the grid.

    A QRS complex, a pulse or a letter beside a line looks like a line out of place. Blurred a little, thin lines of a
    black grid are paler than they; of a grid that is not, nothing is left out.
    """
    ink = cv2.GaussianBlur(ink, (0, 0), BLUR_PX)
    canvas = lattice.canvas(cv2.dilate(ink, np.ones((3, 3), np.uint8)))
    level = max(_line_level(canvas), _line_level(canvas.T))
    trace = max(PALEST_TRACE, 1.35 * level + 0.05)
    if level > MOST_LEVEL or (canvas > trace).mean() > MOST_SHARE:
        return dark
    return np.where(cv2.dilate(ink, np.ones((5, 5), np.uint8)) > trace, np.float32(np.nan), dark)


def _line_level(canvas: np.ndarray) -> float:
    """Contrast of the darkest of the lines that cross the canvas from top to bottom, where nothing covers them."""
    cell = round(STEP_MM * CANVAS_PX_PER_MM)
    half = round(LINE_MM * CANVAS_PX_PER_MM)
    at_line = canvas.reshape(len(canvas), -1, cell)[..., cell // 2 - half : cell // 2 + half].max(axis=-1)
    return float(np.quantile(np.median(at_line, axis=0), LINE_QUANTILE))


@dataclass(frozen=True)
class Settled:
    """A page `lattice` on its printed lines, the `misfit` that is left, and what the print and the sheet are like.

    `slips` (rows, cols, 2) are the boxes by which lines prove to be others than those they were counted as, `doubtful`
    (rows, cols) the nodes of which nothing proves how they should be counted.
    """

    lattice: Lattice
    misfit: Misfit
    pattern: Pattern
    stiffness: tuple[float, float]
    slips: np.ndarray
    doubtful: np.ndarray
    layout: PageLayout

    @property
    def slipped(self) -> np.ndarray:
        """Which nodes (rows, cols) are, or may be, out of place by a box or more."""
        return self.slips.any(axis=-1) | self.doubtful


def settle(lattice: Lattice, dark: np.ndarray, layout: PageLayout) -> Settled:
    """The `lattice` of a page of `layout` with its nodes on the grid of the contrast picture `dark`.

    First by wide windows; then every line for itself, less what the print is known to have it off, and as stiff as the
    sheet proves to be: a scan is almost flat, and its lines' errors average out over the page; a crumpled photo is not.
    Parts whose boxes were miscounted are moved to where they belong, and settled again.
    """
    settled = _settle_lines(_come_near(lattice, dark), dark, layout)
    for _ in range(REPAIRS):
        if not settled.slips.any():
            break
        settled = _settle_lines(_come_near(_put_right(settled), dark), dark, layout)
    return settled


def _come_near(lattice: Lattice, dark: np.ndarray) -> Lattice:
    for window in WINDOWS_MM:
        misfit = _look(lattice, dark, window_mm=window, harmonics=HARMONICS, reach_mm=PEAK_MM)
        lattice = _on_sheet(lattice, misfit, (LOOSE, LOOSE), **FIT)
    return lattice


def _settle_lines(lattice: Lattice, dark: np.ndarray, layout: PageLayout) -> Settled:
    own = partial(_look, dark=dark, **OWN)
    misfit = own(lattice)
    pattern = find_pattern(misfit.shift_mm, misfit.weight, FIRST, layout)
    stiffness = None
    for _ in range(ROUNDS):
        misfit = _less(misfit, pattern)
        stiffness = stiffness or _stiffness(lattice, misfit)
        lattice = _on_sheet(lattice, misfit, stiffness, **OWN_FIT)
        misfit = own(lattice)
    left = _less(misfit, pattern)
    return Settled(lattice, left, pattern, stiffness, *_slips(lattice, left, pattern, layout), layout)


def settle_closer(settled: Settled, dark: np.ndarray, scale: np.ndarray, coloured: bool = False) -> Lattice:
    """The settled page on the lines of `dark`, the contrast picture in `scale` (x, y) times as many pixels.

    Of a `coloured` grid what the printer's screen did to its lines is taken out along x: the trace does not have it.
    """
    lattice = settled.lattice.scaled(scale)
    misfit = _less(_look(lattice, dark, **OWN), settled.pattern)
    lattice = _on_sheet(lattice, misfit, settled.stiffness, **CLOSE_FIT)
    departure = None
    for _ in range(ROUNDS):
        misfit = _within(lattice, dark, measure_strokes(lattice, dark, settled.pattern))
        departure = _departure(lattice, misfit)
        lattice = _on_sheet(lattice, misfit, settled.stiffness, **CLOSE_FIT)
    if not coloured or departure is None:
        return lattice
    across = -find_ripple(departure[1][..., 0], misfit.weight[..., 0])
    shift = np.stack(np.broadcast_arrays(across[None, :], np.zeros((len(lattice.nodes), 1))), axis=-1)
    return lattice.moved(lattice.at(shift))


def _slips(lattice: Lattice, misfit: Misfit, pattern: Pattern, layout: PageLayout) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (rows, cols, 2) by which lines were miscounted, and where (rows, cols) they may have been."""
    departure = _departure(lattice, misfit)
    seen = (misfit.weight.min(axis=-1) > 0) & (np.abs(misfit.shift_mm).max(axis=-1) < OFF_SHEET_MM)
    if departure is None:
        return np.zeros(lattice.nodes.shape, int), np.ones(seen.shape, bool)
    return find_slips(departure[1] + pattern.shift_mm, seen, pattern, FIRST, layout)


def _put_right(settled: Settled) -> Lattice:
    """The settled lattice with each part that slipped on its own lines, and a smooth sheet where nothing is known."""
    lattice, misfit = settled.lattice, settled.misfit
    nodes, weight = put_right(lattice.nodes, misfit.weight, settled.slips)
    known = Misfit(np.zeros_like(misfit.shift_mm), weight)
    return _on_sheet(lattice.moved(nodes), known, (LOOSE, LOOSE), **FIT | {"rounds": OWN_FIT["rounds"]})


def _look(lattice: Lattice, dark: np.ndarray, *, reach_mm: float, **how: object) -> Misfit:
    """The misfit, with no weight outside the picture nor for lines at the end of the reach."""
    misfit = measure(lattice, dark, reach_mm=reach_mm, **how)
    within = np.abs(misfit.shift_mm) < 0.9 * reach_mm
    return _within(lattice, dark, Misfit(misfit.shift_mm, misfit.weight * within))


def _within(lattice: Lattice, dark: np.ndarray, misfit: Misfit) -> Misfit:
    """The misfit, with no weight for nodes outside the picture."""
    x, y = lattice.nodes[..., 0], lattice.nodes[..., 1]
    inside = (x > 0) & (x < dark.shape[1] - 1) & (y > 0) & (y < dark.shape[0] - 1)
    return Misfit(misfit.shift_mm, misfit.weight * inside[..., None])


def _less(misfit: Misfit, pattern: Pattern) -> Misfit:
    return Misfit(misfit.shift_mm - pattern.shift_mm, misfit.weight)


def _departure(lattice: Lattice, misfit: Misfit) -> tuple[np.ndarray, np.ndarray] | None:
    """The homography (3, 3) of a flat sheet, and how many mm (rows, cols, 2) the lines seen lie off it."""
    points, seen = lattice.points_mm, misfit.weight.min(axis=-1) > 0
    target = lattice.at(np.where(misfit.weight > 0, misfit.shift_mm, 0.0))
    flat = cv2.findHomography(points[seen], target[seen])[0] if seen.sum() >= 4 else None
    if flat is None:
        return None
    return flat, _through(np.linalg.inv(flat), target) - points


def _through(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(points.reshape(-1, 1, 2), homography).reshape(points.shape)


def _stiffness(lattice: Lattice, misfit: Misfit) -> tuple[float, float]:
    """Of the sheet along x and y."""
    departure = _departure(lattice, misfit)
    if departure is None:
        return LOOSE, LOOSE
    return both(lambda k: best_stiffness(departure[1][..., k], misfit.weight[..., k], axis=1 - k))


def _on_sheet(lattice: Lattice, misfit: Misfit, stiffness: tuple[float, float], **how: float) -> Lattice:
    """The lattice on the lines that were seen, as smooth as `stiffness` has it: a flat sheet and what it lacks."""
    departure = _departure(lattice, misfit)
    if departure is None:
        return lattice
    flat, off = departure
    surface = both(lambda k: smooth(off[..., k], misfit.weight[..., k], stiffness[k], **how))
    return lattice.moved(_through(flat, lattice.points_mm + np.stack(surface, axis=-1)))


def densify(lattice: Lattice, layout: PageLayout) -> PageMap:
    """The settled lattice as a page map: cubic between its nodes, so that linear steps between the map's are enough."""
    points = (lattice_mm(layout, MAP_STEP_MM) - (layout.grid.left_mm, layout.grid.top_mm) - lattice.origin_mm) / STEP_MM
    at = np.moveaxis(points[..., ::-1], -1, 0)
    axes = [map_coordinates(lattice.nodes[..., k], at, order=3, mode="nearest") for k in (0, 1)]
    return PageMap(np.stack(axes, axis=-1).astype(np.float32), MAP_STEP_MM)
