"""Several ECGs in one picture: two sheets side by side, two recordings on one page.

The ECG that is found first is painted over. Where that leaves room for another and a grid fills it, another is looked
for there, and so on.
"""

from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.pages import NO_HINTS, Page, find_page
from ecgpipe.rectify.sheet import tiles_seen

# None of these was swept.
MOST = 8  # in one picture
ROOM = 0.75  # share of the sides of the first ECG that another needs
SHORT_PX = 100  # short side of the picture in which room is looked for
# Share of such a place on which tiles must show a grid: they do on 0.82 to 1 of it in 33 pictures with a second ECG, on
# 0.48 and 0.53 in the only two of 58 others that have room for one.
LEAST_TILED = 0.7
SPARSE_PX = 7.3  # between pixels of which a sheet's colour is told; no whole number, so that none fall on lines alone
OVERLAP = 0.1  # share of an ECG that may lie on another one's place
BETWEEN_MM = (10.0, 20.0)  # half the distance of rows, at least and at most, that belongs to an ECG above and below
UNREAD = "the picture shows more ECG paper, on which no ECG that can be read was found"
ABOUT = 0.25  # share of an ECG's sides that is left about it when it is looked at by itself


def find_pages(
    picture: np.ndarray,
    spec: FrameSpec = FrameSpec(),  # noqa: B008, frozen
    hints: Hints = NO_HINTS,
) -> list[Page]:
    """The ECGs in `picture` (H, W, 3) uint8 RGB from the top down, each as `find_page` gives it.

    Raises PageNotFound if there is none.
    """
    pages = [find_page(picture, spec, hints)]
    if pages[0].unnamed:
        return pages
    outlines = [_outline(pages[0])]
    taken = _filled(outlines[0], picture.shape)
    shrink = len(taken) / len(picture)
    sides_px = ROOM * shrink * np.linalg.norm(np.diff(outlines[0][:3], axis=0), axis=1)
    rest, unread = picture, False
    while len(pages) < MOST and (free := _places(sides_px, (~taken, 1.0))).any():
        rest = _painted_over(rest, outlines[-1])
        part = _part(_points(free) / shrink, 0.0, picture.shape)
        gridded = _tiled(rest[part], _corner(part), shrink, taken.shape)
        found = _places(sides_px, (~taken, 1.0), (gridded, LEAST_TILED))
        if not found.any():
            break
        unread = True
        try:
            page = _by_itself(rest, _points(found) / shrink, 0.0, spec, hints)
        except PageNotFound:
            break
        outline = _outline(page)
        place = _filled(outline, picture.shape)
        if (place & taken).sum() > OVERLAP * place.sum():
            break
        unread = False
        pages.append(page)
        outlines.append(outline)
        taken |= place
    if len(pages) > 1:
        for number, outline in enumerate(outlines):
            alone = _without(picture, [*outlines[:number], *outlines[number + 1 :]])
            with suppress(PageNotFound):  # then it is as it was found among the others
                pages[number] = _by_itself(alone, outline, ABOUT, spec, hints)
    if unread:
        pages[0] = replace(pages[0], doubts=(*pages[0].doubts, UNREAD))
    return sorted(pages, key=lambda page: tuple(_outline(page).mean(axis=0)[::-1]))


def _by_itself(picture: np.ndarray, points_px: np.ndarray, about: float, spec: FrameSpec, hints: Hints) -> Page:
    """The page in that part of `picture` where `points_px` (n, 2) are, and the share `about` of its sides about it; its
    map leads to the whole picture."""
    part = _part(points_px, about * np.ptp(points_px, axis=0), picture.shape)
    page = find_page(np.ascontiguousarray(picture[part]), spec, hints)
    if page.unnamed:
        raise page.unnamed
    in_whole = page.frame.page_map.compose(lambda px: px + _corner(part))
    return replace(page, frame=replace(page.frame, page_map=in_whole))


def _outline(page: Page) -> np.ndarray:
    """The corners (4, 2) in px of the picture of what a page's traces and their names take."""
    layout = page.frame.spec.layout
    heights = np.sort(layout.baselines_mm)
    margin = np.clip(np.median(np.diff(heights)) / 2 if len(heights) > 1 else 0.0, *BETWEEN_MM)
    left, right, top, bottom = layout.left_mm, layout.right_mm, heights[0] - margin, heights[-1] + margin
    return page.frame.page_map.to_picture(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))


def _without(picture: np.ndarray, outlines: list[np.ndarray]) -> np.ndarray:
    """`picture` with each of `outlines` (4, 2) px painted over in its median colour."""
    for outline in outlines:
        picture = _painted_over(picture, outline)
    return picture


def _painted_over(picture: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """`picture` with the median colour of an outline all over it."""
    rows, columns = (np.arange(0, side, SPARSE_PX).astype(int) for side in picture.shape[:2])
    few = picture[np.ix_(rows, columns)]
    inside = cv2.fillConvexPoly(np.zeros(few.shape[:2], np.uint8), np.rint(outline / SPARSE_PX).astype(np.int32), 1) > 0
    if not inside.any():
        return picture
    colour = np.median(few[inside], axis=0)
    return cv2.fillConvexPoly(picture.copy(), np.rint(outline).astype(np.int32), colour.tolist())


def _part(points_px: np.ndarray, about_px: np.ndarray | float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The upright rectangle of a picture of `shape` that holds `points_px` (n, 2), and so much about them."""
    left, top = np.maximum(points_px.min(axis=0) - about_px, 0).astype(int)
    right, bottom = np.minimum(points_px.max(axis=0) + about_px + 1, shape[1::-1]).astype(int)
    return slice(top, bottom), slice(left, right)


def _corner(part: tuple[slice, slice]) -> np.ndarray:
    """The upper left corner (2,) in px of a part of a picture."""
    return np.array([part[1].start, part[0].start])


# ---- areas, on the picture with its short side brought to SHORT_PX


def _filled(outline: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What an outline (4, 2) in px of a picture of `shape` takes, (h, w) bool."""
    shrink = SHORT_PX / min(shape[:2])
    taken = np.zeros((round(shape[0] * shrink), round(shape[1] * shrink)), np.uint8)
    return cv2.fillConvexPoly(taken, np.rint(outline * shrink).astype(np.int32), 1) > 0


def _tiled(part: np.ndarray, corner_px: np.ndarray, shrink: float, shape: tuple[int, ...]) -> np.ndarray:
    """Where tiles show a grid in the `part` of a picture that begins at `corner_px`, (h, w) bool of `shape`."""
    centres, side_px = tiles_seen(part)
    seen = np.zeros(shape, np.uint8)
    x, y = np.clip(np.rint(shrink * (centres + corner_px)).astype(int), 0, np.array(shape[::-1]) - 1).T
    seen[y, x] = 1
    return cv2.dilate(seen, np.ones((round(shrink * side_px),) * 2, np.uint8)) > 0


def _places(sides_px: np.ndarray, *areas: tuple[np.ndarray, float]) -> np.ndarray:
    """What is covered, (h, w) bool, by the rectangles of these sides, lying or standing, of which each of the `areas`
    (h, w) bool takes at least its share."""
    width, height = np.maximum(np.rint(sides_px).astype(int), 1)
    covered = np.zeros(areas[0][0].shape, bool)
    for size in ((width, height), (height, width)):
        means = [cv2.blur(area.astype(np.float32), size, borderType=cv2.BORDER_CONSTANT) for area, _ in areas]
        fits = np.all([mean > share - 1e-3 for mean, (_, share) in zip(means, areas, strict=True)], axis=0)
        covered |= cv2.dilate(fits.astype(np.uint8), np.ones(size[::-1], np.uint8)) > 0
    return covered


def _points(area: np.ndarray) -> np.ndarray:
    """The pixels (n, 2) of an area (h, w) bool."""
    return np.argwhere(area)[:, ::-1]
