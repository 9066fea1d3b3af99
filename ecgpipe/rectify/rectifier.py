"""Picture to page map: find the grid, count its boxes, tell which way is up, follow every fold.

The heavy lines of the grid, one every 5 mm, carry all of it. Local spectra find a seed (`seed`), from which the mesh
grows over the sheet, box by box (`grow`). The printed landmarks say which box is which (`landmarks`). Then every line
is measured by itself, against the place where this print has it (`snapping`, `halftone`), and one smooth sheet is laid
through all of them (`refine`, `smoothing`); parts whose boxes were miscounted are found and corrected (`cycle_slips`).
At last the lines are localised in the picture's own pixels (`line_localisation`), and the map is moved to where the
black ink lies beside the grid (`registration`).
"""

from contextlib import suppress
from dataclasses import dataclass, replace

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, KIT, Grid, PageLayout, blank_sheet
from ecgpipe.rectify.contrast import channels, grid_contrast
from ecgpipe.rectify.grow import NEIGHBOURS, grow_mesh
from ecgpipe.rectify.landmarks import CELL_PX, Placement, find_placement
from ecgpipe.rectify.mesh import GridMesh, Residuals, sample_linear
from ecgpipe.rectify.quality import Quality, disagreement_share, page_quality
from ecgpipe.rectify.refine import FIRST, RefinedPage, densify, page_mesh, refine_closer, refine_page
from ecgpipe.rectify.registration import to_ink
from ecgpipe.rectify.seed import Seed, find_seeds, tile_side_px
from ecgpipe.rectify.trace_mask import without_trace

# Names in quotes are sections of docs/log.md.
# Long sides in px of the working picture. A far sheet's boxes are too small at the first ("Rectification that grows");
# at 4000 px fewer pages are found ("Ink beside the grid").
LONG_SIDES_PX = (2000, 3000)
CLOSEST_PX = 4000  # long side at most of the picture in which the lines are localised at last; not swept
REACH_PX = 15  # of the illumination's closing, at 2000 px: wider than a line, narrower than half a box; not swept
SEEDS = 3  # that are grown before the sheet counts as not found; not swept
ELSEWHERE = 3  # seeds beside a small sheet that are grown in search of a larger one; not swept
MIN_MARGIN = 0.02  # of a placement; 0.10 to 0.19 on real pages, below 0.01 on wrong grids ("Rectification")
CLEAR_MARGIN = 2 * MIN_MARGIN  # from which no further seed is grown; not swept
MOST_BEND = 0.5  # of a map, see Quality; sharply folded paper reaches 0.4
GREY = 0.9  # greyness from which a grid was printed in black, with the trace; not swept
WELL_SEEN = 0.04  # hidden or doubtful share up to which one resolution is enough ("Faster, and stains looked at twice")
NO_WORSE = 0.01  # slipped share by which a map may exceed another and still put it in doubt; not swept
MOST_HIDDEN = 0.5  # share of the traced area; badly mouldy sheets reach 0.2, a chessboard 0.8
WHOLE_SHARE = 0.3  # of the boxes that a picture has room for, from which heavy lines tell a sheet well; not swept
# Of the crossings in a mesh's hull, what it holds at least: 0.65 to 1 on 33 real sheets; 0.35 to 0.49 on three whose
# lines are all alike, where heavy ones were sought.
LEAST_FILLED = 0.55
LEAST_CROSSINGS = 80  # that make a sheet: a 3x1 page of 2.5 s has 13 x 10; not swept
MARGIN_BOXES = 12  # about the crossings held, where paper may go on; not swept
IN_PLACE = (-FIRST[0], -FIRST[1])  # placement of a page that is where its mesh has it


@dataclass(frozen=True)
class Rectified:
    """A page of `layout`: its dewarping map from page mm to pixels of the picture as given, and how far to trust it."""

    page_map: PageMap
    quality: Quality
    layout: PageLayout = KIT


@threadpool_limits.wrap(limits=1, user_api="blas")  # its threads cost small matrices more than they give
def rectify(picture: np.ndarray, layout: PageLayout = KIT) -> Rectified:
    """The dewarping map of a page of `layout` in `picture` (H, W, 3) uint8 RGB, any way up. Raises PageNotFound.

    A page is looked for again at a higher resolution, at which fewer lines are lost, if it is not found at the first,
    if its map bends more than paper can, or if part of it is hidden. Where two maps that are equally credible count the
    boxes differently, neither can be trusted there.
    """
    found: list[_Refined] = []
    error: PageNotFound | None = None
    for long_side in LONG_SIDES_PX:
        if long_side > max(picture.shape[:2]) and (found or error):
            break
        try:
            found.append(_refined_at(picture, long_side, layout))
        except PageNotFound as refusal:
            error = error if error is not None else refusal
        else:
            if _is_plausible(found[-1].quality) and found[-1].quality.doubtful_share <= WELL_SEEN:
                break
    if error is not None and not found:
        raise error
    best, *other = sorted(found, key=lambda one: (not _is_plausible(one.quality), one.quality.doubtful_share))
    slipped = best.quality.slipped_share
    if other and other[0].quality.slipped_share <= slipped + NO_WORSE:
        here, there = (one.roughly(picture.shape) for one in (best, other[0]))
        slipped = max(slipped, disagreement_share(here, there, picture.shape, layout))
    return Rectified(best.closely(picture), replace(best.quality, slipped_share=slipped), layout)


@dataclass(frozen=True)
class _Refined:
    """A page found in a working picture, of which `known` is the contrast without the trace; its grid is `coloured`."""

    page: RefinedPage
    quality: Quality
    known: np.ndarray
    coloured: bool

    def roughly(self, shape: tuple[int, ...]) -> PageMap:
        """The map of the page to a picture of `shape`, as the working picture tells it."""
        zoom = np.array(shape[1::-1]) / np.array(self.known.shape[::-1])
        return densify(self.page.mesh.scaled(zoom), self.page.layout)

    def closely(self, picture: np.ndarray) -> PageMap:
        """The map of the page by the lines as they are in `picture` itself, moved to where the black ink lies."""
        layout = self.page.layout
        page_map = densify(_closer(self.page, picture, np.isnan(self.known), self.coloured), layout)
        return to_ink(picture, page_map, layout, self.coloured, self.page.snapping.displaced_boxes[0])


def _is_plausible(quality: Quality) -> bool:
    return quality.bend < MOST_BEND


def _refined_at(picture: np.ndarray, long_side_px: int, layout: PageLayout) -> _Refined:
    """The page as a working picture of `long_side_px` shows it."""
    work = _resized(picture, long_side_px)
    dark, by_colour = grid_contrast(work, REACH_PX), channels(work, REACH_PX)
    ink = by_colour.trace

    sheet, placement = _best_sheet(dark, ink, layout)
    page = page_mesh(sheet, placement, layout)
    known = without_trace(dark, ink, page)
    refined = refine_page(page, known, layout)
    if refined.snapping.displaced:  # the kit drew this page displaced, or slips were corrected wrongly
        again = _place(refined.mesh, ink, refined.residuals, layout)
        if again and again.turns == 0 and again.first != IN_PLACE:
            refined = refine_page(page_mesh(refined.mesh, again, layout), known, layout)
    quality = page_quality(refined, work.shape, placement.margin, placement.turns)
    if quality.hidden_share > MOST_HIDDEN:
        raise PageNotFound(
            f"a grid, but {quality.hidden_share:.0%} of a 12-lead page on it shows none (at most {MOST_HIDDEN:.0%}); "
            "expected a 3x4 page with a rhythm strip"
        )
    return _Refined(refined, quality, known, by_colour.greyness < GREY)


# ---- a sheet of which only the grid is known


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
    work = _resized(picture, long_side_px)
    dark, by_colour = grid_contrast(work, REACH_PX), channels(work, REACH_PX)
    mesh, blank = _blank_sheet(_largest_mesh(dark), work.shape)
    known = without_trace(dark, by_colour.trace, mesh)
    refined = refine_page(mesh, known, blank)
    page_map = densify(_closer(refined, picture, np.isnan(known), coloured=False), blank)
    return Sheet(page_map, blank, refined, work.shape)


def tiles_seen(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """The centres (n, 2) px and the side in px of the tiles of `picture` (H, W, 3) uint8 RGB that may show a grid:
    far cheaper than `crossings_seen`, and far less sure."""
    work = _resized(picture, LONG_SIDES_PX[0])
    zoom = picture.shape[1] / work.shape[1]
    seeds = find_seeds(grid_contrast(work, REACH_PX), None)
    centres = np.array([seed.centre_px for seed in seeds]).reshape(-1, 2)
    return centres * zoom, tile_side_px(work.shape) * zoom


def crossings_seen(picture: np.ndarray) -> np.ndarray:
    """Where heavy lines cross, (n, 2) px, on the sheet with the largest grid in `picture` (H, W, 3) uint8 RGB."""
    for long_side in LONG_SIDES_PX:
        work = _resized(picture, long_side)
        with suppress(PageNotFound):
            seen = _held(_largest_mesh(grid_contrast(work, REACH_PX)))
            return (seen + 0.5) * picture.shape[1] / work.shape[1] - 0.5
    return np.zeros((0, 2))


def _largest_mesh(dark: np.ndarray) -> tuple[GridMesh, Residuals]:
    """The mesh that holds most crossings, told by heavy lines or, where these hold few, by lines that are all alike."""
    best: tuple[GridMesh, Residuals] | None = None
    for lines_per_box in (1, 5):
        seeds = find_seeds(dark, None, lines_per_box)
        best = _largest_grown(dark, seeds[:SEEDS], best)
        if best is not None and not _is_whole(best, dark.shape):  # the clearest seeds may all lie on one small sheet
            held = _held(best)
            beside = [seed for seed in seeds[SEEDS:] if not _is_within(seed, held)]
            best = _largest_grown(dark, beside[:ELSEWHERE], best)
        if best is not None and _is_whole(best, dark.shape):
            break
    if best is None or len(_held(best)) < LEAST_CROSSINGS:
        raise PageNotFound("no 5 mm grid found; expected a picture of an ECG on millimetre paper")
    return best


def _largest_grown(
    dark: np.ndarray, seeds: list[Seed], best: tuple[GridMesh, Residuals] | None
) -> tuple[GridMesh, Residuals] | None:
    """The mesh that holds most crossings of `best` and those that grow from `seeds`."""
    grown = [grow_mesh(dark, seed) for seed in seeds]
    return max([*([best] if best else []), *grown], key=lambda one: len(_held(one)), default=None)


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
            raise PageNotFound("no 5 mm grid found; expected a picture of an ECG on millimetre paper")
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


# ---- the page of a known layout


def _resized(picture: np.ndarray, long_side_px: int) -> np.ndarray:
    """`picture` (H, W, 3) with a long side of `long_side_px`."""
    shrink = long_side_px / max(picture.shape[:2])
    method = cv2.INTER_AREA if shrink < 1 else cv2.INTER_CUBIC
    # By size, not by factor: a factor may cut the last row or column, and then the scale is not that of the shapes.
    size = [max(round(side * shrink), 1) for side in picture.shape[1::-1]]
    return cv2.resize(picture, size, interpolation=method)


def _best_sheet(dark: np.ndarray, ink: np.ndarray, layout: PageLayout) -> tuple[GridMesh, Placement]:
    """The mesh and placement of the first seed that is placed clearly; else of the one with the best score."""
    best = None
    for seed in find_seeds(dark, SEEDS):
        mesh, residuals = grow_mesh(dark, seed)
        placement = _place(mesh, ink, residuals, layout)
        if placement is None:
            continue
        if best is None or placement.score > best[1].score:
            best = (mesh, placement)
        if placement.margin > CLEAR_MARGIN:
            break
    if best is None:
        raise PageNotFound("no 5 mm grid found; expected a picture of an ECG on millimetre paper")
    if best[1].margin < MIN_MARGIN:
        raise PageNotFound(
            f"a grid, but no 12-lead page on it (certainty {best[1].margin:.3f}, at least {MIN_MARGIN} needed); "
            "expected a 3x4 page with a rhythm strip"
        )
    return best


def _place(mesh: GridMesh, ink: np.ndarray, residuals: Residuals, layout: PageLayout) -> Placement | None:
    """Where a page of `layout` lies on the `mesh`, by the contrast `ink` of black; None if no line was seen."""
    sheet = cv2.morphologyEx((residuals.weight.min(axis=-1) > 0).astype(np.uint8), cv2.MORPH_CLOSE, NEIGHBOURS) > 0
    if not sheet.any():
        return None
    rows, cols = sheet.shape
    canvas = cv2.resize(mesh.canvas(ink), (cols * CELL_PX, rows * CELL_PX), interpolation=cv2.INTER_AREA)
    return find_placement(canvas, sheet, layout)


def _closer(refined: RefinedPage, picture: np.ndarray, covered: np.ndarray, coloured: bool) -> GridMesh:
    """The refined mesh on its lines as they are seen in `picture` itself, and in its pixels.

    `covered` (h, w) is true where the working picture shows the trace; the grid is `coloured` or grey.
    """
    close = _resized(picture, max(min(max(picture.shape[:2]), CLOSEST_PX), *covered.shape))
    in_picture, in_close, in_work = (np.array(each.shape[1::-1]) for each in (picture, close, covered))
    zoom = in_close / in_work
    dark = grid_contrast(close, round(REACH_PX * zoom.mean()), coarse=round(zoom.mean()))
    dark[cv2.resize(covered.astype(np.uint8), close.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0] = np.nan
    return refine_closer(refined, dark, zoom, coloured).scaled(in_picture / in_close)
