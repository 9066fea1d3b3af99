"""A sheet of which only the grid is known: the largest one in a picture, whatever is printed on it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, Grid, PageLayout, blank_sheet
from ecgpipe.rectify.contrast import channels, grid_contrast
from ecgpipe.rectify.grow import NEIGHBOURS, grow_mesh, seed_in
from ecgpipe.rectify.mesh import GridMesh, Residuals, sample_linear
from ecgpipe.rectify.quality import Quality, page_quality
from ecgpipe.rectify.refine import FIRST, RefinedPage, densify, refine_page
from ecgpipe.rectify.regular import regular_lattice
from ecgpipe.rectify.seed import Seed, find_seeds, same_boxes, tile_side_px
from ecgpipe.rectify.snapping import Snapping
from ecgpipe.rectify.trace_mask import without_trace
from ecgpipe.rectify.working import LONG_SIDES_PX, NO_GRID, REACH_PX, SEEDS, close_contrast, closer, resized

ELSEWHERE = 3  # seeds beside a small sheet that are grown in search of a larger one; not swept
WHOLE_SHARE = 0.3  # of the boxes that a picture has room for, from which heavy lines tell a sheet well; not swept
# Of the crossings in a mesh's hull, what it holds at least: 0.65 to 1 on 33 real sheets; 0.35 to 0.49 on three whose
# lines are all alike, where heavy ones were sought.
LEAST_FILLED = 0.55
LEAST_CROSSINGS = 80  # that make a sheet: a 3x1 page of 2.5 s has 13 x 10; not swept
SHEET_REACH_BOXES = 140  # a sheet's from any of its parts: 10 s at 50 mm/s are 100 boxes
FAR_MORE = 1.2  # times the crossings of heavy lines, from which those of all lines are taken; not swept
MARGIN_BOXES = 12  # about the crossings held, where paper may go on; not swept


@dataclass(frozen=True)
class Sheet:
    """A sheet found by its grid alone: its dewarping map from sheet mm to pixels of the picture as given.

    `blank` is a layout that has nothing but the grid and so many mm about it; the sheet lies as it does in the picture.
    """

    page_map: PageMap
    blank: PageLayout
    refined: RefinedPage
    shape: tuple[int, ...]

    def turned(self, turns: int) -> "Sheet":
        """The sheet after so many counter-clockwise quarter turns; its picture stays as it is."""
        if turns % 4 == 0:
            return self
        swapped = turns % 2 == 1
        mesh, residuals = self.refined.mesh, self.refined.residuals

        def turn(field: np.ndarray) -> np.ndarray:
            """`field` (rows, cols, 2) of values across x and across y."""
            field = np.rot90(field, turns)
            return field[..., ::-1] if swapped else field

        grid = self.blank.grid
        grid = replace(grid, columns=grid.rows, rows=grid.columns) if swapped else grid
        width, height = self.blank.size_mm[::-1] if swapped else self.blank.size_mm
        refined = replace(
            self.refined,
            mesh=mesh.moved(np.rot90(mesh.nodes, turns)),
            residuals=Residuals(turn(residuals.offset_mm), turn(residuals.weight)),
            slips=turn(self.refined.slips),
            doubtful=np.rot90(self.refined.doubtful, turns),
        )
        page_map = replace(self.page_map, nodes=np.ascontiguousarray(np.rot90(self.page_map.nodes, turns)))
        return replace(self, page_map=page_map, blank=blank_sheet(width, height, grid), refined=refined)

    def quality(self, layout: PageLayout, certainty: float, turns: int) -> Quality:
        """How far to trust the map where `layout`, which was found on the sheet after `turns`, has traces."""
        return page_quality(replace(self.refined, layout=layout), self.shape, certainty, turns)


@threadpool_limits.wrap(limits=1, user_api="blas")
def rectify_sheet(picture: np.ndarray) -> Sheet:
    """The sheet with the largest grid in `picture` (H, W, 3) uint8 RGB. Raises PageNotFound if there is none."""
    error: PageNotFound | None = None
    for long_side in LONG_SIDES_PX:
        try:
            return _sheet_at(picture, long_side)
        except PageNotFound as refusal:
            error = error or refusal
    raise error or PageNotFound("no picture")


def _sheet_at(picture: np.ndarray, long_side_px: int) -> Sheet:
    """`rectify_sheet` with a working picture of `long_side_px`."""
    work = resized(picture, long_side_px)
    dark, by_colour = grid_contrast(work, REACH_PX), channels(work, REACH_PX)
    grown = _largest_mesh(dark)
    if regular := regular_lattice(*grown, dark, picture.shape[1] / work.shape[1]):
        return _regular_sheet(*regular, work.shape, picture.shape)
    mesh, blank = _blank_sheet(_by_all_lines(dark, grown), work.shape)
    known = without_trace(dark, by_colour.trace, mesh)
    refined = refine_page(mesh, known, blank)
    dark = close_contrast(picture, long_side_px)
    page_map = densify(closer(refined, dark, picture.shape, np.isnan(known), coloured=False), blank)
    return Sheet(page_map, blank, refined, work.shape)


def _regular_sheet(
    lattice: GridMesh, residuals: Residuals, shape: tuple[int, ...], of_picture: tuple[int, ...]
) -> Sheet:
    """The sheet that fills a picture of the shape `of_picture`, of which `lattice` lies in a working one of `shape`."""
    mesh = replace(lattice, origin_mm=BOX_MM * np.array(FIRST, np.float64))
    rows, cols = mesh.nodes.shape[:2]
    blank = blank_sheet((cols - 1) * BOX_MM, (rows - 1) * BOX_MM, Grid(BOX_MM, BOX_MM, cols - 2, rows - 2))
    unsnapped = Snapping(np.zeros(cols), np.zeros(rows), (0.0, 0.0), (0, 0))
    slips, doubtful = np.zeros((rows, cols, 2), int), np.zeros((rows, cols), bool)
    refined = RefinedPage(mesh, residuals, unsnapped, (1.0, 1.0), slips, doubtful, blank)
    scale = np.array(of_picture[1::-1]) / np.array(shape[1::-1])
    return Sheet(densify(mesh.scaled(scale), blank), blank, refined, shape)


def tiles_seen(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """The centres (n, 2) px and the side in px of the tiles of `picture` (H, W, 3) uint8 RGB that may show a grid: far
    cheaper than a sheet, and far less sure."""
    work = resized(picture, LONG_SIDES_PX[0])
    zoom = picture.shape[1] / work.shape[1]
    seeds = find_seeds(grid_contrast(work, REACH_PX), None)
    centres = np.array([seed.centre_px for seed in seeds]).reshape(-1, 2)
    return centres * zoom, tile_side_px(work.shape) * zoom


def _largest_mesh(dark: np.ndarray) -> tuple[GridMesh, Residuals]:
    """The mesh that holds most crossings, told by heavy lines or, where these hold few, by lines that are all alike."""
    best: tuple[GridMesh, Residuals] | None = None
    for lines_per_box in (1, 5):
        seeds = find_seeds(dark, None, lines_per_box)
        best = _largest_grown(dark, seeds[:SEEDS], best)
        if best is None or not _is_whole(best, dark.shape):  # the clearest seeds may all have taken two boxes for one
            best = _largest_grown(dark, list(_of_other_boxes(seeds)), best)
        if best is not None and not _is_whole(best, dark.shape):  # the clearest seeds may all lie on one small sheet
            held = _held(best)
            beside = [seed for seed in seeds[SEEDS:] if not _is_within(seed, held)]
            best = _largest_grown(dark, beside[:ELSEWHERE], best)
        if best is not None and _is_whole(best, dark.shape):
            break
    if best is None or len(_held(best)) < LEAST_CROSSINGS:
        raise PageNotFound(NO_GRID)
    return best


def _by_all_lines(dark: np.ndarray, grown: tuple[GridMesh, Residuals]) -> tuple[GridMesh, Residuals]:
    """The mesh of heavy lines, or the one that grows from its clearest part by lines that are all alike, if that holds
    far more crossings: heavy lines may be hardly darker than the others, so that they are lost halfway."""
    if grown[0].lines_per_box > 1:
        return grown
    seed = seed_in(*grown)
    other = grow_mesh(dark, replace(seed, lines_per_box=5), SHEET_REACH_BOXES)
    return other if len(_held(other)) > FAR_MORE * len(_held(grown)) else grown


def _largest_grown(
    dark: np.ndarray, seeds: list[Seed], best: tuple[GridMesh, Residuals] | None
) -> tuple[GridMesh, Residuals] | None:
    """The mesh that holds most crossings of `best` and those that grow from `seeds`."""
    grown = [grow_mesh(dark, seed, SHEET_REACH_BOXES) for seed in seeds]
    return max([*([best] if best else []), *grown], key=lambda one: len(_held(one)), default=None)


def _of_other_boxes(seeds: list[Seed]) -> Iterator[Seed]:
    """The clearest seeds, one for each size of box, whose boxes are not those of the first ones."""
    tried = seeds[:SEEDS]
    for seed in seeds[SEEDS:]:
        if len(tried) < 2 * SEEDS and not any(same_boxes(seed, other) for other in tried):
            tried = [*tried, seed]
            yield seed


def _held(grown: tuple[GridMesh, Residuals]) -> np.ndarray:
    """The crossings (n, 2) px that a mesh holds."""
    mesh, residuals = grown
    return mesh.nodes[residuals.weight.min(axis=-1) > 0]


def _is_within(seed: Seed, held: np.ndarray) -> bool:
    """Whether a seed lies among the crossings `held` (n, 2) px: none of its own boxes away from one."""
    boxes = (held - seed.centre_px) @ np.linalg.inv(seed.mm_to_px * BOX_MM).T
    return bool((np.abs(boxes) < 1).all(axis=1).any())


def _is_whole(grown: tuple[GridMesh, Residuals], shape: tuple[int, ...]) -> bool:
    """Whether a mesh holds so much of a picture of `shape`, without holes, that no larger sheet is to be looked for."""
    return len(_held(grown)) > WHOLE_SHARE * _boxes(grown[0], shape) and _filled_share(grown) > LEAST_FILLED


def _filled_share(grown: tuple[GridMesh, Residuals]) -> float:
    """The share of crossings that a mesh holds of those within their convex hull."""
    held = cv2.findNonZero((grown[1].weight.min(axis=-1) > 0).astype(np.uint8))
    hull = cv2.convexHull(held)
    within = cv2.contourArea(hull) + cv2.arcLength(hull, closed=True) / 2 + 1  # Pick's theorem, nearly
    return len(held) / within


def _boxes(mesh: GridMesh, shape: tuple[int, ...]) -> float:
    """How many boxes as large as those of `mesh` a picture of `shape` holds."""
    rows, cols = (np.linalg.norm(np.diff(mesh.nodes, axis=axis), axis=-1) for axis in (0, 1))
    return shape[0] * shape[1] / float(np.median(rows) * np.median(cols))


def _blank_sheet(grown: tuple[GridMesh, Residuals], shape: tuple[int, ...]) -> tuple[GridMesh, PageLayout]:
    """The part of a mesh in a picture of `shape` that holds crossings, with a margin, and the sheet that it is."""
    mesh, residuals = grown
    held = cv2.morphologyEx((residuals.weight.min(axis=-1) > 0).astype(np.uint8), cv2.MORPH_OPEN, NEIGHBOURS[:2, :2])
    x, y = mesh.nodes[..., 0], mesh.nodes[..., 1]
    pictured = (x > 0) & (x < shape[1] - 1) & (y > 0) & (y < shape[0] - 1)
    bounds = []
    for axis in (1, 0):
        lines = np.nonzero(held.any(axis=axis))[0]
        shown = np.nonzero(pictured.any(axis=axis))[0]
        if not len(lines):
            raise PageNotFound(NO_GRID)
        first = max(lines[0] - MARGIN_BOXES, shown[0] - 1)
        last = min(lines[-1] + MARGIN_BOXES, shown[-1] + 1)
        bounds.append((first - 1, last + 1))  # one beyond each edge, as a page's mesh has
    (top, bottom), (left, right) = bounds
    at = np.stack(np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1)), axis=-1)
    nodes = sample_linear(mesh.nodes, at[..., 0], at[..., 1])
    cut = GridMesh(nodes, BOX_MM, BOX_MM * np.array(FIRST, np.float64), mesh.lines_per_box)
    rows, cols = nodes.shape[:2]
    grid = Grid(BOX_MM, BOX_MM, cols - 2, rows - 2)
    return cut, blank_sheet((cols - 1) * BOX_MM, (rows - 1) * BOX_MM, grid)
