"""The traces drawn back onto the picture they were read from, to be checked by eye."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, LEADS, PageLayout, Window

# the printed rows' colours in turn, none of them a grid's
_ROW_RGB = ((0, 90, 255), (220, 0, 160), (0, 140, 60), (255, 90, 0))
_GRID_RGB = (0, 170, 255)
_SHIFT = 4  # cv2 takes coordinates as integers with this many fractional bits
_FAR_PX = 1 << 20  # past any picture, and below what overflows after the shift


def draw_overlay(picture: np.ndarray, page_map: PageMap, series_mv: np.ndarray, layout: PageLayout) -> np.ndarray:
    """A copy of `picture` (H, W, 3) uint8 RGB with the 5 mm grid's nodes and `series_mv` (12, n) drawn on it, as the
    `layout` has them."""
    drawn = picture.copy()
    px_per_mm = page_map.px_per_mm
    _draw_nodes(drawn, page_map, layout, max(1, round(px_per_mm / 6)))
    for window in layout.windows:
        for points_mm in trace_mm(series_mv[LEADS.index(window.lead)], window, layout):
            points = _fixed_point(page_map.to_picture(points_mm))
            thickness = max(1, round(px_per_mm / 5))
            cv2.polylines(drawn, [points], False, _ROW_RGB[window.row % len(_ROW_RGB)], thickness, cv2.LINE_AA, _SHIFT)
    return drawn


def trace_mm(lead_mv: np.ndarray, window: Window, layout: PageLayout) -> list[np.ndarray]:
    """Page points (m, 2) in mm of each unbroken stretch of `lead_mv` (n,), as long as the page, within `window`."""
    fs_hz = len(lead_mv) / layout.duration_s
    part = layout.samples(window, len(lead_mv))
    index = np.arange(part.start, part.stop)
    index = index[np.isfinite(lead_mv[index])]
    x_mm, y_mm = layout.x_mm(window, index / fs_hz), layout.y_mm(window, lead_mv[index])
    breaks = np.flatnonzero(np.diff(index) > 1) + 1
    return [stretch for stretch in np.split(np.stack([x_mm, y_mm], axis=-1), breaks) if len(stretch)]


def _draw_nodes(drawn: np.ndarray, page_map: PageMap, layout: PageLayout, radius: int) -> None:
    x_mm = layout.grid.left_mm + BOX_MM * np.arange(layout.grid.columns)
    y_mm = layout.grid.top_mm + BOX_MM * np.arange(layout.grid.rows)
    nodes_mm = np.stack(np.meshgrid(x_mm, y_mm), axis=-1).reshape(-1, 2)
    for x, y in _fixed_point(page_map.to_picture(nodes_mm)):
        cv2.circle(drawn, (int(x), int(y)), radius << _SHIFT, _GRID_RGB, 1, cv2.LINE_AA, _SHIFT)


def _fixed_point(points_px: np.ndarray) -> np.ndarray:
    return np.round(np.clip(points_px, -_FAR_PX, _FAR_PX) * (1 << _SHIFT)).astype(np.int32)
