"""The page's mesh, refined on its printed lines one by one."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.rectify.carriage import between_lines
from ecgpipe.rectify.cycle_slips import correct_slips, find_cycle_slips
from ecgpipe.rectify.halftone import find_moire
from ecgpipe.rectify.landmarks import Placement
from ecgpipe.rectify.line_localisation import localise_lines
from ecgpipe.rectify.line_phase import LineSearch, measure_lines
from ecgpipe.rectify.mesh import GridMesh, Residuals, cubic_weights, sample_linear
from ecgpipe.rectify.smoothing import RobustFit, best_smoothing_weight, smooth
from ecgpipe.rectify.snapping import Snapping, find_snapping

# Names in quotes are sections of docs/log.md.
STEP_MM = BOX_MM  # of the mesh; true places of such nodes cost 0.0 to 0.6 dB ("Strokes")
FIRST = (-1, -1)  # column and row: the page's line that is the first of its mesh, which has one beyond each edge
MAP_STEP_MM = 2.5  # of the page map, which is linear between its nodes; not swept
FINE_MM = 1.0  # between the grid's fine lines; the step of a page map that follows them

# Coarse: four harmonics, which do not respond to the 1 mm grid ("Rectification"). Widths of the windows not swept.
COARSE_SEARCHES = (LineSearch(window_mm=5.0, harmonics=4), LineSearch(window_mm=4.0, harmonics=4))
COARSE_FIT = RobustFit(outlier_mm=0.2, rounds=2)  # ("Where the lines are printed")
COARSE_WEIGHTS = (1.0, 1.0)  # smoothing weights along x and y before the sheet's own are known; not swept
# Fine: each line by itself, told from the 1 mm lines beside it. Twelve harmonics, 0.5 mm and 6.4 px/mm are from "Where
# the lines are printed", pieces of 1.25 mm, of which three give a median, from "Folds". A window of 2 mm loses 0.1 dB,
# smaller ones gain 0.03 at most ("Strokes").
FINE_SEARCH = LineSearch(window_mm=1.5, harmonics=12, reach_mm=0.5, px_per_mm=6.4, piece_mm=1.25, median_of=3)
FINE_FIT = RobustFit(outlier_mm=0.06, rounds=4)  # outliers at 0.03 and 0.12 differ by 0.1 dB ("Strokes")
# Closer: third differences are creases from less than smoothing.CREASE_MM on, which gains 0.06 dB on the photos. Sheets
# whose boxes are still being counted slip more often with that ("Measured closer").
CLOSE_FIT = RobustFit(outlier_mm=0.06, crease_mm=0.014, rounds=4)
SLIP_FIT = RobustFit(outlier_mm=0.2, rounds=4)  # after slips were corrected; not swept

ROUNDS = 2  # of measuring and fitting; three and six gain nothing ("Strokes")
REPAIRS = 2  # times that slips are corrected; not swept
# A printer's raster of 600 dpi moves a line by half a pixel at most; what is more is a jump of the scanner's carriage.
# 0.010 to 0.042 tried ("The time axis of prints").
RASTER_MM = 0.021
EDGES = (0, 1)  # outermost lines of a mesh: beyond the page, and its edge
END_OF_REACH = 0.9  # share of a search's reach from which a line may be the next one's; not swept
OFF_SHEET_MM = 0.3  # a line so far off the fitted sheet does not connect parts of it; not swept


@dataclass(frozen=True)
class RefinedPage:
    """A page's `mesh` on its printed lines, and the `residuals` that are left.

    `snapping` is the print's, `smoothing_weights` are the sheet's along x and y. `slips` (rows, cols, 2) are the boxes
    by which lines were miscounted, and at `doubtful` nodes (rows, cols) nothing proves the count.
    """

    mesh: GridMesh
    residuals: Residuals
    snapping: Snapping
    smoothing_weights: tuple[float, float]
    slips: np.ndarray
    doubtful: np.ndarray
    layout: PageLayout

    @property
    def slipped(self) -> np.ndarray:
        """Which nodes (rows, cols) are, or may be, out of place by a box or more."""
        return self.slips.any(axis=-1) | self.doubtful


@dataclass(frozen=True)
class FlatSheet:
    """The flat sheet nearest to the lines seen: its `homography` (3, 3) from mm to px.

    `residual_mm` (rows, cols, 2) is how far the lines lie from it on the paper.
    """

    homography: np.ndarray
    residual_mm: np.ndarray


def page_mesh(mesh: GridMesh, placement: Placement, layout: PageLayout) -> GridMesh:
    """The mesh turned upright and cut to a page of `layout`, each node on the crossing of two of its lines."""
    upright = np.rot90(mesh.nodes, placement.turns)
    down, across = layout.grid.rows, layout.grid.columns
    boxes = np.stack(np.meshgrid(np.arange(across + 2), np.arange(down + 2)), axis=-1) + FIRST
    at = boxes + placement.first
    nodes = sample_linear(upright, at[..., 0], at[..., 1])
    return GridMesh(nodes, STEP_MM, STEP_MM * np.array(FIRST, np.float64), mesh.lines_per_box)


def refine_page(mesh: GridMesh, dark: np.ndarray, layout: PageLayout) -> RefinedPage:
    """The `mesh` of a page of `layout` with its nodes on the lines of the contrast picture `dark`.

    First by wide windows; then each line by itself, less the snapping of the print, on a sheet as smooth as
    cross-validation finds it. A scan is almost flat, so that its lines' errors average out over the page; a crumpled
    photo is not. Parts whose boxes were miscounted are moved to where they belong, and all is fitted again.
    """
    refined = _fit_lines(_fit_coarsely(mesh, dark), dark, layout)
    for _ in range(REPAIRS):
        if not refined.slips.any():
            break
        refined = _fit_lines(_fit_coarsely(_without_slips(refined), dark), dark, layout)
    return refined


def refine_closer(refined: RefinedPage, dark: np.ndarray, scale: np.ndarray, coloured: bool = False) -> GridMesh:
    """The refined page on the lines of `dark`, the contrast picture in `scale` (x, y) times as many pixels.

    Of a `coloured` grid the halftone moiré is taken out along x, because the trace does not have it.
    """
    weights = refined.smoothing_weights
    mesh = refined.mesh.scaled(scale)
    residuals = _unsnapped(_measure(mesh, dark, FINE_SEARCH), refined.snapping)
    mesh = _fit_sheet(mesh, residuals, weights, CLOSE_FIT)
    flat = None
    for _ in range(ROUNDS):
        residuals = _in_picture(mesh, dark, localise_lines(mesh, dark, refined.snapping))
        flat = _flat_sheet(mesh, residuals)
        mesh = _fit_sheet(mesh, residuals, weights, CLOSE_FIT)
    jump_mm = _jumps(mesh, residuals, flat)
    if jump_mm.any():
        mesh = mesh.moved(mesh.at(np.stack(np.broadcast_arrays(jump_mm, np.zeros((len(mesh.nodes), 1))), axis=-1)))
        fine_mm = refined.layout.lines_mm(FINE_MM)[0] - refined.layout.grid.left_mm
        mesh = replace(mesh, between_mm=between_lines(mesh, dark, jump_mm, fine_mm))
    if not coloured or flat is None:
        return mesh
    across = -find_moire(flat.residual_mm[..., 0], residuals.weight[..., 0])
    offset = np.stack(np.broadcast_arrays(across[None, :], np.zeros((len(mesh.nodes), 1))), axis=-1)
    return mesh.moved(mesh.at(offset))


def densify(mesh: GridMesh, layout: PageLayout) -> PageMap:
    """The dewarping map of a page's mesh: cubic between the mesh's nodes, sampled densely enough to be linear."""
    step_mm = MAP_STEP_MM if mesh.between_mm is None else FINE_MM
    points_mm = lattice_mm(layout, step_mm) - (layout.grid.left_mm, layout.grid.top_mm)
    if mesh.between_mm is not None:
        points_mm[..., 0] += np.interp(points_mm[..., 0], mesh.between_mm[:, 0], mesh.between_mm[:, 1], left=0, right=0)
    xs, ys = ((points_mm - mesh.origin_mm) / STEP_MM).transpose(2, 0, 1)
    down, along = cubic_weights(len(mesh.nodes), ys[:, 0]), cubic_weights(mesh.nodes.shape[1], xs[0])
    nodes = np.einsum("yr,rck,xc->yxk", down, mesh.nodes, along, optimize=True)
    return PageMap(nodes.astype(np.float32), step_mm)


def _fit_coarsely(mesh: GridMesh, dark: np.ndarray) -> GridMesh:
    """The mesh on a smooth sheet through the lines seen in wide windows."""
    for search in COARSE_SEARCHES:
        mesh = _fit_sheet(mesh, _measure(mesh, dark, search), COARSE_WEIGHTS, COARSE_FIT)
    return mesh


def _fit_lines(mesh: GridMesh, dark: np.ndarray, layout: PageLayout) -> RefinedPage:
    """The mesh on a sheet through single lines, which it must be near already."""
    measured = _measure(mesh, dark, FINE_SEARCH)
    snapping = find_snapping(measured.offset_mm, measured.weight, FIRST, layout)
    residuals = _unsnapped(measured, snapping)
    weights = _best_smoothing_weights(mesh, residuals)
    for _ in range(ROUNDS):
        mesh = _fit_sheet(mesh, residuals, weights, FINE_FIT)
        residuals = _unsnapped(_measure(mesh, dark, FINE_SEARCH), snapping)
    slips, doubtful = _slips(mesh, residuals, snapping, layout)
    return RefinedPage(mesh, residuals, snapping, weights, slips, doubtful, layout)


def _slips(
    mesh: GridMesh, residuals: Residuals, snapping: Snapping, layout: PageLayout
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (rows, cols, 2) by which lines were miscounted, and where (rows, cols) they may have been."""
    flat = _flat_sheet(mesh, residuals)
    seen = (residuals.weight.min(axis=-1) > 0) & (np.abs(residuals.offset_mm).max(axis=-1) < OFF_SHEET_MM)
    if flat is None:
        return np.zeros(mesh.nodes.shape, int), np.ones(seen.shape, bool)
    return find_cycle_slips(flat.residual_mm + snapping.offset_mm, seen, snapping, FIRST, layout)


def _without_slips(refined: RefinedPage) -> GridMesh:
    """The refined mesh with the slips corrected, and a smooth sheet where no line is known any more."""
    mesh, residuals = refined.mesh, refined.residuals
    nodes, weight = correct_slips(mesh.nodes, residuals.weight, refined.slips)
    known = Residuals(np.zeros_like(residuals.offset_mm), weight)
    return _fit_sheet(mesh.moved(nodes), known, COARSE_WEIGHTS, SLIP_FIT)


# ---- measuring


def _measure(mesh: GridMesh, dark: np.ndarray, search: LineSearch) -> Residuals:
    """The residuals; no weight for nodes outside the picture, nor for lines near the end of the search's reach."""
    residuals = measure_lines(mesh, dark, search)
    near = np.abs(residuals.offset_mm) < END_OF_REACH * search.reach_mm
    return _in_picture(mesh, dark, Residuals(residuals.offset_mm, residuals.weight * near))


def _in_picture(mesh: GridMesh, dark: np.ndarray, residuals: Residuals) -> Residuals:
    """The residuals, with no weight for nodes outside the picture."""
    x, y = mesh.nodes[..., 0], mesh.nodes[..., 1]
    inside = (x > 0) & (x < dark.shape[1] - 1) & (y > 0) & (y < dark.shape[0] - 1)
    return Residuals(residuals.offset_mm, residuals.weight * inside[..., None])


def _unsnapped(residuals: Residuals, snapping: Snapping) -> Residuals:
    """The residuals from where the print has its lines."""
    return Residuals(residuals.offset_mm - snapping.offset_mm, residuals.weight)


# ---- fitting


def _flat_sheet(mesh: GridMesh, residuals: Residuals) -> FlatSheet | None:
    """The flat sheet through the lines seen; None if they are too few."""
    points, seen = mesh.points_mm, residuals.weight.min(axis=-1) > 0
    target = mesh.at(np.where(residuals.weight > 0, residuals.offset_mm, 0.0))
    homography = cv2.findHomography(points[seen], target[seen])[0] if seen.sum() >= 4 else None
    if homography is None:
        return None
    return FlatSheet(homography, _through(np.linalg.inv(homography), target) - points)


def _fit_sheet(mesh: GridMesh, residuals: Residuals, weights: tuple[float, float], fit: RobustFit) -> GridMesh:
    """The mesh on a sheet through the lines seen, as smooth along x and y as `weights`: flat, plus a smooth surface."""
    flat = _flat_sheet(mesh, residuals)
    if flat is None:
        return mesh
    surface = both(lambda k: smooth(flat.residual_mm[..., k], residuals.weight[..., k], weights[k], fit))
    return mesh.moved(_through(flat.homography, mesh.points_mm + np.stack(surface, axis=-1)))


def _jumps(mesh: GridMesh, residuals: Residuals, flat: FlatSheet | None) -> np.ndarray:
    """How far right of the fitted mesh its lines along y lie as a whole (cols,), less what a printer's raster explains.

    A scanner's carriage jumps between two lines, and no smooth sheet follows. `flat` is the sheet before the fit.
    """
    if flat is None:
        return np.zeros(mesh.nodes.shape[1])
    fitted = _through(np.linalg.inv(flat.homography), mesh.nodes) - mesh.points_mm
    left, weight = (flat.residual_mm - fitted)[..., 0], residuals.weight[..., 0]
    mean = (left * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
    mean[[*EDGES, *(-1 - edge for edge in EDGES)]] = 0.0
    return mean - np.clip(mean, -RASTER_MM, RASTER_MM)


def _best_smoothing_weights(mesh: GridMesh, residuals: Residuals) -> tuple[float, float]:
    """The sheet's own smoothing weights along x and y."""
    flat = _flat_sheet(mesh, residuals)
    if flat is None:
        return COARSE_WEIGHTS
    return both(lambda k: best_smoothing_weight(flat.residual_mm[..., k], residuals.weight[..., k], axis=1 - k))


def _through(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(points.reshape(-1, 1, 2), homography).reshape(points.shape)
