"""Which way up is the sheet, and which box is which: the page's printed furniture against the ink found on the grid."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ecgpipe.page.layout import BOX_MM, PageLayout

CELL_PX = 10  # pixels a box in the pictures compared here
MAX_INK = 0.6


@dataclass(frozen=True)
class Anchor:
    """`turns` counter-clockwise quarter turns of the lattice bring it upright; then the page's first lines across and
    down are its column and row `first` = (col, row). `score` compares places, `margin` is the lead over the next best.
    """

    turns: int
    first: tuple[int, int]
    score: float
    margin: float


def find_anchor(ink: np.ndarray, sheet: np.ndarray, layout: PageLayout) -> Anchor:
    """The best of all places and quarter turns of a page of `layout` for `ink`, CELL_PX pixels a box; `sheet` (rows,
    cols) is true on paper."""
    down, across = sheet.shape
    rows, cols = (np.nonzero(sheet.any(axis=axis))[0] for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    before = ((top, left), (across - right, top), (down - bottom, across - right), (left, down - bottom))  # by turn
    sheet = sheet[top:bottom, left:right]
    ink = ink[top * CELL_PX : bottom * CELL_PX, left * CELL_PX : right * CELL_PX]
    ink = _without_grid(np.minimum(ink, MAX_INK), sheet)
    found = []
    for turns in range(4):
        score, pads = _scores(np.rot90(ink, turns), np.rot90(sheet, turns), layout)
        row, col = np.unravel_index(score.argmax(), score.shape)
        best = float(score[row, col])
        score[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = -1.0
        first = (int(before[turns][1] + col - pads[1]), int(before[turns][0] + row - pads[0]))
        found.append((best, turns, first, float(score.max())))
    found.sort(reverse=True)
    best, turns, first, next_place = found[0]
    return Anchor(turns, first, best, best - max(next_place, found[1][0]))


def _scores(ink: np.ndarray, sheet: np.ndarray, layout: PageLayout) -> tuple[np.ndarray, tuple[int, int]]:
    """Score of every place of the page, (rows, cols), the first being so many boxes above and left of the sheet.

    The score is the correlation with the furniture, less half the share of paper that would lie outside the page.
    """
    template = _furniture(layout)
    lines = layout.grid.rows, layout.grid.columns
    # A part of the page may be missing: at most a third where the sheet is whole, more where it was seen in part.
    pads = [max(n - m, 0) + n // 3 for n, m in zip(lines, sheet.shape, strict=True)]
    wide = np.pad(ink, [(n * CELL_PX,) * 2 for n in pads]).astype(np.float32)
    match = cv2.matchTemplate(wide, template, cv2.TM_CCORR)[::CELL_PX, ::CELL_PX]
    energy = cv2.resize(ink**2, sheet.shape[::-1], interpolation=cv2.INTER_AREA) * CELL_PX**2
    padding = [(n,) * 2 for n in pads]
    within = [_page_sums(np.pad(cells, padding), lines) for cells in (energy, sheet.astype(np.float64))]
    outside = 1.0 - within[1] / sheet.sum()
    return match / np.sqrt(np.maximum(within[0], 1.0) * (template**2).sum()) - 0.5 * outside, tuple(pads)


def _page_sums(cells: np.ndarray, lines: tuple[int, int]) -> np.ndarray:
    """Sum of `cells` over a page's worth of boxes at every place."""
    total = np.pad(cells.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    down, across = lines
    return total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]


def _without_grid(ink: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """`ink` less the mean box, so that black grids count for nothing; 0 off the sheet."""
    rows, cols = sheet.shape
    cells = ink.reshape(rows, CELL_PX, cols, CELL_PX).swapaxes(1, 2)
    cells = (cells - cells[sheet].mean(axis=0)) * sheet[..., None, None]
    return cells.swapaxes(1, 2).reshape(ink.shape)


@cache
def _furniture(layout: PageLayout) -> np.ndarray:
    """What every page shows, as a zero-mean matched filter: pulses, separators, lead names, bands of trace, footer."""
    lines = layout.grid.rows, layout.grid.columns
    canvas = np.zeros((lines[0] * CELL_PX, lines[1] * CELL_PX), np.float32)

    def paint(left: float, top: float, right: float, bottom: float, value: float) -> None:
        x0, x1 = ((np.array([left, right]) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        y0, y1 = (((np.array([top, bottom]) - layout.grid.top_mm) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        canvas[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] += value

    names = dict(zip(layout.windows, layout.names, strict=True))
    for row, base in enumerate(layout.baselines_mm):
        paint(layout.left_mm, base - 10.0, layout.right_mm, base + 10.0, -0.04)
        paint(layout.left_mm, base - 4.0, layout.right_mm, base + 4.0, 0.1)
        for pulse in layout.row_pulses(row):
            top = base - layout.gain_mm_per_mv
            for x in (pulse.left_mm, pulse.right_mm):
                paint(x - 1.5, top, x + 1.5, base, -0.33)
                paint(x - 0.25, top, x + 0.25, base, 2.0)
            paint(pulse.left_mm, top - 0.25, pulse.right_mm, top + 0.25, 1.0)
        for window in layout.row_windows(row):
            name = names[window]
            paint(name.left_mm + 0.5, name.base_mm - 3.0, name.left_mm + name.width_mm, name.base_mm + 0.2, 0.5)
        for separator in layout.row_separators(row):
            x, half = separator.x_mm, separator.height_mm / 2
            paint(x - 2.0, base - half, x + 2.0, base + half, -0.33)
            paint(x - 0.5, base - half, x + 0.5, base + half, 2.0)
    for text in layout.texts:
        paint(text.left_mm, text.base_mm - 2.9, text.left_mm + text.width_mm, text.base_mm + 0.6, 0.4)
    return canvas - canvas.mean()
