"""Picture to page geometry: find the grid, count its boxes, tell which way is up, follow every fold.

The 5 mm lines carry it all: local spectra find them (seed), crossings are followed ring by ring over the sheet (grow),
the printed furniture says which box is which (anchor), and every line is measured for itself (refine), against the
place where this very print has it (printed), on a sheet as stiff as it proves to be (surface); at last in the picture's
own pixels, and past whatever covers it in part (strokes). Then black ink is brought into register with a coloured grid
(registration).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.rectify.anchor import CELL_PX, Anchor, find_anchor
from ecgpipe.rectify.contrast import channels, grid_contrast
from ecgpipe.rectify.grow import NEIGHBOURS, grow_lattice
from ecgpipe.rectify.lattice import Lattice, Misfit
from ecgpipe.rectify.quality import Quality, page_quality, slipped_share
from ecgpipe.rectify.refine import FIRST, Settled, densify, page_lattice, settle, settle_closer, without_trace
from ecgpipe.rectify.registration import ink_offset_mm
from ecgpipe.rectify.seed import find_seeds

LONG_SIDES_PX = (2000, 3000)  # of the picture worked on; a sheet far off has boxes too small for the first
CLOSEST_PX = 4000  # of the picture that the lines are measured in for the last time
REACH_PX = 15  # wider than any printed line at that size, narrower than half a box
MIN_MARGIN = 0.02
MOST_BEND = 0.5  # sharply folded paper reaches 0.4
SEEDS = 3
GREY = 0.9  # a grid greyer than this was printed in black, with the trace
WELL_SEEN = 0.04  # a page with no more of it hidden, or doubtful, is not looked at twice
NO_WORSE = 0.01  # a look with so much more that may be out of place speaks against itself, not against the other
IN_PLACE = (-FIRST[0], -FIRST[1])
MOST_HIDDEN = 0.5  # of the traced area; badly mouldy sheets reach 0.2, a chessboard 0.8


@dataclass(frozen=True)
class Rectified:
    """A page of `layout`: `page_map` from page mm to pixels of the picture as given, and how far to trust it."""

    page_map: PageMap
    quality: Quality
    layout: PageLayout = KIT


@threadpool_limits.wrap(limits=1, user_api="blas")  # its threads cost small matrices more than they give
def rectify(picture: np.ndarray, layout: PageLayout = KIT) -> Rectified:
    """Geometry of the page of `layout` in `picture` (H, W, 3) uint8 RGB, whichever way it lies. Raises PageNotFound.

    A page that is not found, bends where it was found as paper does not, or is hidden in part, is looked for again in
    more pixels, in which fewer lines are lost. Where two looks that seem as sound as each other counted the boxes
    differently, neither can be trusted.
    """
    found: list[Rectified] = []
    error = None
    for long_side in LONG_SIDES_PX:
        if long_side > max(picture.shape[:2]) and (found or error):
            break
        try:
            found.append(_rectify_at(picture, long_side, layout))
        except PageNotFound as refusal:
            error = error or refusal
        else:
            if _is_plausible(found[-1].quality) and found[-1].quality.unsure_share <= WELL_SEEN:
                break
    if not found:
        raise error
    best, *other = sorted(found, key=lambda look: (not _is_plausible(look.quality), look.quality.unsure_share))
    slipped = best.quality.slipped_share
    if other and other[0].quality.slipped_share <= slipped + NO_WORSE:
        slipped = max(slipped, slipped_share(best.page_map, other[0].page_map, picture.shape, layout))
    return replace(best, quality=replace(best.quality, slipped_share=slipped))


def _is_plausible(quality: Quality) -> bool:
    return quality.bend < MOST_BEND


def _rectify_at(picture: np.ndarray, long_side_px: int, layout: PageLayout) -> Rectified:
    """The same, looked for in the picture brought to `long_side_px`."""
    work = _brought_to(picture, long_side_px)
    dark, by_colour = grid_contrast(work, REACH_PX), channels(work, REACH_PX)
    ink = by_colour.trace

    sheet, anchor = _best_sheet(dark, ink, layout)
    page = page_lattice(sheet, anchor, layout)
    known = without_trace(dark, ink, page)
    settled = settle(page, known, layout)
    if settled.pattern.beside:  # the kit drew this page beside its place, or boxes were put right wrongly
        again = _anchor(settled.lattice, ink, settled.misfit, layout)
        if again and again.turns == 0 and again.first != IN_PLACE:
            settled = settle(page_lattice(settled.lattice, again, layout), known, layout)
    quality = page_quality(settled, work.shape, anchor.margin, anchor.turns)
    if quality.hidden_share > MOST_HIDDEN:
        raise PageNotFound(
            f"a grid, but {quality.hidden_share:.0%} of a 12-lead page on it shows none (at most {MOST_HIDDEN:.0%}); "
            "expected a 3x4 page with a rhythm strip"
        )
    coloured = by_colour.greyness < GREY
    page_map = densify(_closer(settled, picture, np.isnan(known), coloured), layout)
    if coloured:
        page_map = page_map.displaced((ink_offset_mm(picture, page_map, layout, settled.pattern.places[0]), 0.0))
    return Rectified(page_map, quality, layout)


def _brought_to(picture: np.ndarray, long_side_px: int) -> np.ndarray:
    shrink = long_side_px / max(picture.shape[:2])
    method = cv2.INTER_AREA if shrink < 1 else cv2.INTER_CUBIC
    # By size, not by factor: with a factor the last row or column may be cut, and the scale is not what shapes say.
    size = [max(round(side * shrink), 1) for side in picture.shape[1::-1]]
    return cv2.resize(picture, size, interpolation=method)


def _best_sheet(dark: np.ndarray, ink: np.ndarray, layout: PageLayout) -> tuple[Lattice, Anchor]:
    """The lattice of the first seed whose sheet is told apart clearly; else of the best one. Upright, but not moved."""
    best = None
    for seed in find_seeds(dark, SEEDS):
        lattice, misfit = grow_lattice(dark, seed)
        anchor = _anchor(lattice, ink, misfit, layout)
        if anchor is None:
            continue
        if best is None or anchor.score > best[1].score:
            best = (lattice, anchor)
        if anchor.margin > 2 * MIN_MARGIN:
            break
    if best is None:
        raise PageNotFound("no 5 mm grid found; expected a picture of an ECG on millimetre paper")
    if best[1].margin < MIN_MARGIN:
        raise PageNotFound(
            f"a grid, but no 12-lead page on it (certainty {best[1].margin:.3f}, at least {MIN_MARGIN} needed); "
            "expected a 3x4 page with a rhythm strip"
        )
    return best


def _anchor(lattice: Lattice, ink: np.ndarray, misfit: Misfit, layout: PageLayout) -> Anchor | None:
    """Where a page of `layout` lies on the `lattice` in the contrast `ink` of black; None if nothing was seen."""
    sheet = cv2.morphologyEx((misfit.weight.min(axis=-1) > 0).astype(np.uint8), cv2.MORPH_CLOSE, NEIGHBOURS) > 0
    if not sheet.any():
        return None
    rows, cols = sheet.shape
    canvas = cv2.resize(lattice.canvas(ink), (cols * CELL_PX, rows * CELL_PX), interpolation=cv2.INTER_AREA)
    return find_anchor(canvas, sheet, layout)


def _closer(settled: Settled, picture: np.ndarray, covered: np.ndarray, coloured: bool) -> Lattice:
    """The settled lattice in pixels of `picture`, on its lines as they are seen there.

    `covered` (h, w) are the pixels of the picture worked on that show the trace; the grid is `coloured` or grey.
    """
    close = _brought_to(picture, max(min(max(picture.shape[:2]), CLOSEST_PX), *covered.shape))
    in_picture, in_close, in_work = (np.array(each.shape[1::-1]) for each in (picture, close, covered))
    zoom = in_close / in_work
    dark = grid_contrast(close, round(REACH_PX * zoom.mean()), coarse=round(zoom.mean()))
    dark[cv2.resize(covered.astype(np.uint8), close.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0] = np.nan
    return settle_closer(settled, dark, zoom, coloured).scaled(in_picture / in_close)
