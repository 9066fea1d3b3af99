"""Ink on a page: coverage of strokes and bars, anti-aliased at their exact place, and their colour laid over paper."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import grey_dilation

Colour = tuple[int, int, int]

SUBCOLUMNS = 8  # a trace's top and bottom are exact in y and sampled this often per pixel in x


def stroke(lines: list[np.ndarray], width_px: float, shape: tuple[int, int]) -> np.ndarray:
    """Coverage (H, W) float32, past 1 where strokes overlap, of polylines (2, n) px with rising x and a round pen.

    Seen column by column such a stroke is one interval [top, bottom]: the line's own extent, dilated by the pen's
    disk. Each interval enters as two edges per sub-column; a running sum down the page fills them.
    """
    height, width = shape
    edges = np.zeros((height + 2) * width, np.float32)
    for x, y in lines:
        first, top, bottom = _extent(x, y, width_px / 2)
        columns = (first + np.arange(len(top))) // SUBCOLUMNS
        inside = (columns >= 0) & (columns < width)
        for edge, sign in ((top, 1 / SUBCOLUMNS), (bottom, -1 / SUBCOLUMNS)):
            place = np.clip(edge[inside] + 0.5, 0, height)
            row = np.floor(place).astype(int)
            part = (place - row).astype(np.float32)
            index = row * width + columns[inside]
            np.add.at(edges, index, sign * (1 - part))
            np.add.at(edges, index + width, sign * part)
    coverage = edges.reshape(height + 2, width)[:height]
    return np.cumsum(coverage, axis=0, out=coverage)


def _extent(x: np.ndarray, y: np.ndarray, radius_px: float) -> tuple[int, np.ndarray, np.ndarray]:
    """First sub-column, and top and bottom px of the stroke in it and each that follows."""
    reach = int(np.ceil(radius_px * SUBCOLUMNS))
    first = int(np.floor((x[0] + 0.5) * SUBCOLUMNS)) - reach
    last = int(np.floor((x[-1] + 0.5) * SUBCOLUMNS)) + reach
    borders = np.arange(first, last + 2) / SUBCOLUMNS - 0.5
    at_border = np.interp(borders, x, y, left=np.nan, right=np.nan)
    top, bottom = np.fmin(at_border[:-1], at_border[1:]), np.fmax(at_border[:-1], at_border[1:])
    vertex = np.floor((x + 0.5) * SUBCOLUMNS).astype(int) - first
    np.fmin.at(top, vertex, y)
    np.fmax.at(bottom, vertex, y)
    offsets = np.arange(-reach, reach + 1) / SUBCOLUMNS
    pen = np.where(np.abs(offsets) <= radius_px, np.sqrt(np.maximum(radius_px**2 - offsets**2, 0)), -np.inf)
    bottom = grey_dilation(np.nan_to_num(bottom, nan=-np.inf), structure=pen, mode="constant", cval=-np.inf)
    top = -grey_dilation(np.nan_to_num(-top, nan=-np.inf), structure=pen, mode="constant", cval=-np.inf)
    drawn = np.isfinite(top)
    return first + int(np.argmax(drawn)), top[drawn], bottom[drawn]


def bars(length: int, centres: np.ndarray | Sequence[float], width_px: float) -> np.ndarray:
    """Coverage (length,) float32 of bars of `width_px` at `centres` along one axis."""
    index, middle = np.arange(length, dtype=np.float32)[:, None], np.asarray(centres, np.float32)
    right, left = np.minimum(middle + width_px / 2, index + 0.5), np.maximum(middle - width_px / 2, index - 0.5)
    return np.clip(right - left, 0, 1).max(axis=1)


def blend(page: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
    """Lay `colour` over `page` in place, touching only where there is ink."""
    pixels, where = page.reshape(-1, 3), np.flatnonzero(coverage > 1 / 512)
    alpha = np.minimum(coverage.ravel()[where], 1)[:, None]
    pixels[where] = np.round(pixels[where] * (1 - alpha) + np.array(colour, np.float32) * alpha)
