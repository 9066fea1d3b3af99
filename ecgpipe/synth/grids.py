"""The paper and its grid: lines every 1 and 5 mm, whole or dotted, over all of the page or a part of it."""

import numpy as np

from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.synth.ink import Colour, bars
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

MINOR_MM = 1.0
X, Y = 0, 1


def draw_grid(
    style: PageStyle, layout: PageLayout, print_: Print, shape: tuple[int, int], px_per_mm: float
) -> np.ndarray:
    """Paper and grid (H, W, 3) uint8, vertical lines first, as the kit does; then the border."""
    height, width = shape

    def cover(axis: int, step_mm: float, line_mm: float) -> np.ndarray:
        lines_px = _lines_px(layout, print_, axis, step_mm, px_per_mm)
        return bars(shape[1 - axis], lines_px, line_mm * px_per_mm)

    layers = (
        (MINOR_MM, style.minor_width_mm * style.show_minor, style.minor, style.minor_dots),
        (BOX_MM, style.major_width_mm, style.major, style.major_dots),
    )
    columns, rows = ([cover(axis, step, line_mm) for step, line_mm, _, _ in layers] for axis in (X, Y))
    dot_columns, dot_rows = (
        cover(axis, MINOR_MM, style.major_width_mm) if style.minor_dots or style.major_dots else np.zeros(length)
        for axis, length in ((X, width), (Y, height))
    )
    ends, sides = np.zeros(height, np.float32), np.zeros(width, np.float32)
    if style.show_border:
        line_px = style.border_width_mm * px_per_mm
        ends, sides = (bars(length, [-0.5, length - 0.5], line_px) for length in (height, width))
    within_x, within_y = (_within(style, layout, print_, axis, shape[1 - axis], px_per_mm) for axis in (X, Y))

    # Rows of pixels that the same lines cross are equal: only the different ones are computed.
    kinds, kind_of_row = np.unique(np.stack([*rows, dot_rows, within_y, ends], axis=1), axis=0, return_inverse=True)
    *rows, dot_rows, within_y, ends = (kinds[:, [[k]]] for k in range(5))
    lines = np.broadcast_to(np.float32(style.paper), (len(kinds), width, 3))
    for (_, _, colour, dots), column in zip(layers, columns, strict=True):
        lines = _over(lines, column[:, None] * (dot_rows if dots else 1), colour)
    for (_, _, colour, dots), row in zip(layers, rows, strict=True):
        lines = _over(lines, row * (dot_columns[:, None] if dots else 1), colour)
    lines = np.where(within_y * within_x[:, None] > 0, lines, np.float32(style.paper))
    lines = lines * (1 - ends) * (1 - sides[:, None])
    return np.round(lines).astype(np.uint8)[kind_of_row]


def _over(page: np.ndarray, coverage: np.ndarray, colour: Colour) -> np.ndarray:
    coverage = np.asarray(coverage, np.float32)
    return page * (1 - coverage) + coverage * np.float32(colour)


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
