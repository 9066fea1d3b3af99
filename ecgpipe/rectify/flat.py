"""Pages that lie flat in their picture, as in renders and screenshots: what is kept of it to read them more closely."""

from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout

# "Log" is the section "A pen's line" of docs/log.md; what it does not name was not swept.
FLAT_PX = 0.25  # that a flat page lies off a parallelogram at most; renders 0.03, scans 2.6 and more (log)
ABOUT_MM = 12.0  # above the first row and below the last, where the page must be flat
KEPT_MM = 32.0  # there, what is kept of the picture: 3.2 mV, as high as traces are read
FINEST_PX_PER_MM = 8.0  # lines are few pixels wide in such a picture; the kit's renders have 7.87
CORNER = np.array([[0, 0], [0, 0], [0.5, 0.5]])  # a picture's corner is half a pixel before its first centre
ACROSS, DOWN = 60, 40  # points at which the map is looked at


@dataclass(frozen=True)
class FlatPage:
    """The part of a picture in which a page's rows lie flat: `light` (H, W) uint8, its lightest channel, and where page
    mm are in it, (x, y, 1) @ `to_px` (3, 2) in px."""

    light: np.ndarray
    to_px: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray, page_map: PageMap, layout: PageLayout) -> "FlatPage | None":
        """The rows of `layout` in `picture` (H, W, 3) uint8 RGB, at FINEST_PX_PER_MM at most; None where they do not
        lie flat."""
        to_px = flat_map(page_map, layout)
        if to_px is None:
            return None
        (left, right), (top, bottom) = _rows_mm(layout, KEPT_MM)
        corners = np.array([(x, y, 1.0) for x in (left, right) for y in (top, bottom)]) @ to_px
        first = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        last = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, picture.shape[1::-1])
        if (last <= first).any():
            return None
        light = reduce(cv2.max, cv2.split(picture[first[1] : last[1], first[0] : last[0]]))
        to_px = to_px - np.array([[0, 0], [0, 0], first])
        shrink = FINEST_PX_PER_MM / np.sqrt(abs(np.linalg.det(to_px[:2])))
        if shrink < 1:
            size = np.maximum(np.rint(shrink * (last - first)).astype(int), 1)
            light = cv2.resize(light, size.tolist(), interpolation=cv2.INTER_AREA)
            to_px = (to_px + CORNER) * (size / (last - first)) - CORNER
        return cls(light, to_px)


def flat_map(page_map: PageMap, layout: PageLayout) -> np.ndarray | None:
    """The plane map (3, 2) from page mm, (x, y, 1), to px that `page_map` is where `layout` has its rows; None where it
    is none."""
    across, down = _rows_mm(layout, ABOUT_MM)
    x, y = np.meshgrid(np.linspace(*across, ACROSS), np.linspace(*down, DOWN))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=-1)
    seen = page_map.to_picture(points[:, :2])
    to_px, *_ = np.linalg.lstsq(points, seen, rcond=None)
    return to_px if np.abs(points @ to_px - seen).max() <= FLAT_PX else None


def _rows_mm(layout: PageLayout, about_mm: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Left and right of a page's rows, their top and bottom with `about_mm` more."""
    return (layout.left_mm, layout.right_mm), (min(layout.baselines_mm) - about_mm, max(layout.baselines_mm) + about_mm)
