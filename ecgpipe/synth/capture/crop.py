"""Cutting a picture to a part of it, and resizing it, together with its page map."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout

_ABOVE_MM, _BELOW_MM, _BESIDE_MM = 18.0, 14.0, 6.0  # a box around the traces that cuts tall complexes only


def traces_mm(layout: PageLayout) -> np.ndarray:
    """Corners (4, 2) in page mm of the part of the page that has the traces, clockwise from the top left."""
    left, right = max(layout.left_mm - _BESIDE_MM, 0), min(layout.right_mm + _BESIDE_MM, layout.width_mm)
    top = max(min(layout.baselines_mm) - _ABOVE_MM, 0)
    bottom = min(max(layout.baselines_mm) + _BELOW_MM, layout.height_mm)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def crop_to_traces(
    picture: np.ndarray, page_map: PageMap, layout: PageLayout, margins_px: np.ndarray
) -> tuple[np.ndarray, PageMap]:
    """The part of `picture` around the traces with `margins_px` (left, top, right, bottom) where there is so much."""
    points = page_map.to_picture(traces_mm(layout))
    height, width = picture.shape[:2]
    low, high = points.min(axis=0) - margins_px[:2], points.max(axis=0) + margins_px[2:]
    x0, y0 = np.clip(np.floor(low), 0, (width - 2, height - 2)).astype(int)
    x1, y1 = np.clip(np.ceil(high), (x0 + 2, y0 + 2), (width, height)).astype(int)
    return picture[y0:y1, x0:x1], page_map.compose(lambda px: px - np.array([x0, y0]))


def resized(
    picture: np.ndarray, page_map: PageMap, long_side_px: int, method: int = cv2.INTER_AREA
) -> tuple[np.ndarray, PageMap]:
    """`picture` at another size; corners stay corners, pixel centres being the integers."""
    height, width = picture.shape[:2]
    factor = long_side_px / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    scale = np.array(size) / (width, height)
    return cv2.resize(picture, size, interpolation=method), page_map.compose(lambda px: (px + 0.5) * scale - 0.5)
