"""Picture to page map: find the grid, count its boxes, tell which way is up, follow every fold.

The heavy lines of the grid, one every 5 mm, carry all of it. Local spectra find a seed (`seed`), from which the mesh
grows over the sheet, box by box (`grow`). The printed landmarks say which box is which (`landmarks`). Then every line
is measured by itself, against the place where this print has it (`snapping`, `halftone`), and one smooth sheet is laid
through all of them (`refine`, `smoothing`); parts whose boxes were miscounted are found and corrected (`cycle_slips`).
At last the lines are localised in the picture's own pixels (`line_localisation`), and the map is moved to where the
black ink lies beside the grid (`registration`).
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.rectify.contrast import channels, grid_contrast
from ecgpipe.rectify.grow import NEIGHBOURS, grow_mesh, seed_in
from ecgpipe.rectify.landmarks import CELL_PX, Placement, find_placement
from ecgpipe.rectify.mesh import GridMesh, Residuals
from ecgpipe.rectify.quality import Quality, disagreement_share, page_quality
from ecgpipe.rectify.refine import FIRST, RefinedPage, densify, page_mesh, refine_page
from ecgpipe.rectify.registration import to_ink
from ecgpipe.rectify.seed import Seed, find_seeds
from ecgpipe.rectify.trace_mask import without_trace
from ecgpipe.rectify.working import LONG_SIDES_PX, NO_GRID, REACH_PX, SEEDS, close_contrast, closer, resized

# Names in quotes are sections of docs/log.md.
MIN_MARGIN = 0.02  # of a placement; 0.10 to 0.19 on real pages, below 0.01 on wrong grids ("Rectification")
CLEAR_MARGIN = 2 * MIN_MARGIN  # from which no further seed is grown; not swept
MOST_BEND = 0.5  # of a map, see Quality; sharply folded paper reaches 0.4
GREY = 0.9  # greyness from which a grid was printed in black, with the trace; not swept
WELL_SEEN = 0.05  # hidden or doubtful share up to which one resolution is enough ("The web page without bfloat16")
NO_WORSE = 0.01  # slipped share by which a map may exceed another and still put it in doubt; not swept
MOST_HIDDEN = 0.5  # share of the traced area; badly mouldy sheets reach 0.2, a chessboard 0.8
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
    if its map bends more than paper can, or if part of it is hidden; then it is grown from where the first look sees
    its lines best. Where two maps that are equally credible count the boxes differently, neither can be trusted there.
    """
    with ThreadPoolExecutor(1) as beside:
        close = beside.submit(close_contrast, picture, LONG_SIDES_PX[0])
        best, quality = _best_look(picture, layout)
        first = best.long_side_px == LONG_SIDES_PX[0]
        dark = close.result() if first else close_contrast(picture, best.long_side_px)
    return Rectified(best.closely(picture, dark), quality, layout)


def _best_look(picture: np.ndarray, layout: PageLayout) -> tuple["_Refined", Quality]:
    """The page as it is seen best, at one resolution or two, and how far to trust that."""
    found: list[_Refined] = []
    error: PageNotFound | None = None
    for long_side in LONG_SIDES_PX:
        if long_side > max(picture.shape[:2]) and (found or error):
            break
        try:
            seed = found[-1].seed(long_side) if found and _is_plausible(found[-1].quality) else None
            found.append(_refined_at(picture, long_side, layout, seed))
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
    return best, replace(best.quality, slipped_share=slipped)


@dataclass(frozen=True)
class _Refined:
    """A page found in a working picture, of which `known` is the contrast without the trace; its grid is `coloured`."""

    page: RefinedPage
    quality: Quality
    known: np.ndarray
    coloured: bool

    @property
    def long_side_px(self) -> int:
        """That of the working picture."""
        return max(self.known.shape)

    def roughly(self, shape: tuple[int, ...]) -> PageMap:
        """The map of the page to a picture of `shape`, as the working picture tells it."""
        zoom = np.array(shape[1::-1]) / np.array(self.known.shape[::-1])
        return densify(self.page.mesh.scaled(zoom), self.page.layout)

    def seed(self, long_side_px: int) -> Seed:
        """Where its lines are seen best, in a working picture of `long_side_px`."""
        zoom = long_side_px / self.long_side_px
        return seed_in(self.page.mesh.scaled(np.array([zoom, zoom])), self.page.residuals)

    def closely(self, picture: np.ndarray, dark: np.ndarray) -> PageMap:
        """The map of the page by the lines as they are in `picture` itself, whose contrast is `dark`, moved to where
        the black ink lies."""
        layout = self.page.layout
        mesh = closer(self.page, dark, picture.shape, np.isnan(self.known), self.coloured)
        page_map = densify(mesh, layout)
        return to_ink(picture, page_map, layout, self.coloured, self.page.snapping.displaced_boxes[0])


def _is_plausible(quality: Quality) -> bool:
    return quality.bend < MOST_BEND


def _refined_at(picture: np.ndarray, long_side_px: int, layout: PageLayout, seed: Seed | None) -> _Refined:
    """The page as a working picture of `long_side_px` shows it, grown from `seed` if one is known there."""
    work = resized(picture, long_side_px)
    dark, by_colour = grid_contrast(work, REACH_PX), channels(work, REACH_PX)
    ink = by_colour.trace

    sheet, placement = _best_sheet(dark, ink, layout, _seeds(dark, seed))
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


def _best_sheet(
    dark: np.ndarray, ink: np.ndarray, layout: PageLayout, seeds: Iterable[Seed]
) -> tuple[GridMesh, Placement]:
    """The mesh and placement of the first of `seeds` that is placed clearly; else of the one with the best score."""
    best = None
    for seed in seeds:
        mesh, residuals = grow_mesh(dark, seed)
        placement = _place(mesh, ink, residuals, layout)
        if placement is None:
            continue
        if best is None or placement.score > best[1].score:
            best = (mesh, placement)
        if placement.margin > CLEAR_MARGIN:
            break
    if best is None:
        raise PageNotFound(NO_GRID)
    if best[1].margin < MIN_MARGIN:
        raise PageNotFound(
            f"a grid, but no 12-lead page on it (certainty {best[1].margin:.3f}, at least {MIN_MARGIN} needed); "
            "expected a 3x4 page with a rhythm strip"
        )
    return best


def _seeds(dark: np.ndarray, known: Seed | None) -> Iterator[Seed]:
    """The seed that is `known`, if any; then the clearest tiles, which are sought only when they are asked for."""
    if known is not None:
        yield known
    yield from find_seeds(dark, SEEDS)


def _place(mesh: GridMesh, ink: np.ndarray, residuals: Residuals, layout: PageLayout) -> Placement | None:
    """Where a page of `layout` lies on the `mesh`, by the contrast `ink` of black; None if no line was seen."""
    sheet = cv2.morphologyEx((residuals.weight.min(axis=-1) > 0).astype(np.uint8), cv2.MORPH_CLOSE, NEIGHBOURS) > 0
    if not sheet.any():
        return None
    rows, cols = sheet.shape
    canvas = cv2.resize(mesh.canvas(ink), (cols * CELL_PX, rows * CELL_PX), interpolation=cv2.INTER_AREA)
    return find_placement(canvas, sheet, layout)
