"""The paper and its grid: lines every 1 and 5 mm, whole or dotted, over all of the page or a part of it."""

from typing import NamedTuple

import numpy as np

from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.synth.ink import Colour, bars
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

MINOR_MM = 1.0
X, Y = 0, 1


class _Coverage(NamedTuple):
    """What the lines across one axis cover, each (pixels,): every 1 mm, every 5 mm, dots, the grid's reach, border."""

    minor: np.ndarray
    major: np.ndarray
    dots: np.ndarray
    within: np.ndarray
    border: np.ndarray


def draw_grid(
    style: PageStyle, layout: PageLayout, print_: Print, shape: tuple[int, int], px_per_mm: float
) -> np.ndarray:
    """Paper and grid (H, W, 3) uint8, vertical lines first, as the kit does; then the border."""
    along_x, along_y = (_coverage(style, layout, print_, axis, shape[1 - axis], px_per_mm) for axis in (X, Y))
    # Rows of pixels that the same lines cross are equal: only the different ones are computed.
    rows, row_of_pixel = np.unique(np.stack(along_y, axis=1), axis=0, return_inverse=True)
    x = _Coverage(*(coverage[:, None] for coverage in along_x))
    y = _Coverage(*(coverage[:, None, None] for coverage in rows.T))

    paper = np.array(style.paper, np.float32)
    inks = ((style.minor, style.minor_dots), (style.major, style.major_dots))
    page = np.broadcast_to(paper, (len(rows), shape[1], 3))
    for (colour, dots), lines in zip(inks, (x.minor, x.major), strict=True):
        page = _over(page, lines * (y.dots if dots else 1), colour)
    for (colour, dots), lines in zip(inks, (y.minor, y.major), strict=True):
        page = _over(page, lines * (x.dots if dots else 1), colour)
    page = np.where(y.within * x.within > 0, page, paper)
    page = page * (1 - y.border) * (1 - x.border)
    return np.round(page).astype(np.uint8)[row_of_pixel]


def _coverage(
    style: PageStyle, layout: PageLayout, print_: Print, axis: int, length: int, px_per_mm: float
) -> _Coverage:
    def lines(step_mm: float, line_mm: float) -> np.ndarray:
        return bars(length, _lines_px(layout, print_, axis, step_mm, px_per_mm), line_mm * px_per_mm)

    dotted, edges_px = style.minor_dots or style.major_dots, (-0.5, length - 0.5)
    return _Coverage(
        minor=lines(MINOR_MM, style.minor_width_mm * style.show_minor),
        major=lines(BOX_MM, style.major_width_mm),
        dots=lines(MINOR_MM, style.major_width_mm) if dotted else np.zeros(length),
        within=_within(style, layout, print_, axis, length, px_per_mm),
        border=bars(length, edges_px, style.border_width_mm * px_per_mm * style.show_border),
    )


def _over(page: np.ndarray, coverage: np.ndarray, colour: Colour) -> np.ndarray:
    """`page` (..., 3) under ink of `colour`, which covers this share of each pixel."""
    coverage = np.asarray(coverage, np.float32)
    return page * (1 - coverage) + coverage * np.array(colour, np.float32)


def bleeds(layout: PageLayout, axis: int) -> bool:
    """Whether the grid runs on to the sheet's edges, as `Grid` says."""
    lines = layout.lines_mm(BOX_MM)[axis]
    return bool(lines[0] < BOX_MM and lines[-1] > layout.size_mm[axis] - BOX_MM)


def _lines_px(layout: PageLayout, print_: Print, axis: int, step_mm: float, px_per_mm: float) -> np.ndarray:
    """Pixels of the lines along one axis. Lines that a page's program rounded lie on whole pixels of the picture."""
    lines_mm = layout.lines_mm(step_mm)[axis]
    if layout.snap_dpi is None and bleeds(layout, axis):
        before = np.arange(lines_mm[0] - BOX_MM, lines_mm[0] - step_mm / 2, step_mm)
        after = np.arange(lines_mm[-1] + step_mm, lines_mm[-1] + BOX_MM + step_mm / 2, step_mm)
        lines_mm = np.concatenate([before, lines_mm, after])
    pixels = print_.lines_mm(lines_mm, axis) * px_per_mm - 0.5
    return pixels if layout.snap_dpi is None or print_.line_dpi is not None else np.rint(pixels)


def _within(
    style: PageStyle, layout: PageLayout, print_: Print, axis: int, length: int, px_per_mm: float
) -> np.ndarray:
    """Which pixels (length,) of an axis the grid reaches, its outer lines included."""
    if bleeds(layout, axis):
        return np.ones(length, np.float32)
    lines = print_.lines_mm(layout.lines_mm(BOX_MM)[axis], axis) * px_per_mm - 0.5
    pixels, reach = np.arange(length), style.major_width_mm / 2 * px_per_mm + 0.5
    return ((pixels > lines[0] - reach) & (pixels < lines[-1] + reach)).astype(np.float32)
