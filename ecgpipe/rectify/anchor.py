"""Which way up is the sheet, and which box is which: the page's printed furniture against the ink found on the grid."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ecgpipe.page.layout import (
    BASELINES_MM,
    BOX_MM,
    GAIN_MM_PER_MV,
    GRID_TOP_MM,
    PAGE_HEIGHT_MM,
    PAGE_WIDTH_MM,
    PULSE_MM,
    QUARTER_MM,
    RHYTHM_ROW,
    SEPARATOR_HEIGHT_MM,
    SIGNAL_LEFT_MM,
    SIGNAL_RIGHT_MM,
)

CELL_PX = 10  # pixels a box in the pictures compared here
LINES = (int(PAGE_HEIGHT_MM / BOX_MM) + 1, int(PAGE_WIDTH_MM / BOX_MM) + 1)  # lines down and across a page
NAME_MM = (0.5, 4.0, 5.0, 7.2)  # where a lead's name stands: left, top, right, bottom from its window's 0 mV
FOOTER_MM = ((50.0, 208.0, 66.0, 211.5), (100.0, 208.0, 120.0, 211.5))  # 25mm/s, 10mm/mV
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


def find_anchor(ink: np.ndarray, sheet: np.ndarray) -> Anchor:
    """The best of all places and quarter turns for `ink`, CELL_PX pixels a box, `sheet` (rows, cols) true on paper."""
    down, across = sheet.shape
    rows, cols = (np.nonzero(sheet.any(axis=axis))[0] for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    before = ((top, left), (across - right, top), (down - bottom, across - right), (left, down - bottom))  # by turn
    sheet = sheet[top:bottom, left:right]
    ink = ink[top * CELL_PX : bottom * CELL_PX, left * CELL_PX : right * CELL_PX]
    ink = _without_grid(np.minimum(ink, MAX_INK), sheet)
    found = []
    for turns in range(4):
        score, pads = _scores(np.rot90(ink, turns), np.rot90(sheet, turns))
        row, col = np.unravel_index(score.argmax(), score.shape)
        best = float(score[row, col])
        score[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = -1.0
        first = (int(before[turns][1] + col - pads[1]), int(before[turns][0] + row - pads[0]))
        found.append((best, turns, first, float(score.max())))
    found.sort(reverse=True)
    best, turns, first, next_place = found[0]
    return Anchor(turns, first, best, best - max(next_place, found[1][0]))


def _scores(ink: np.ndarray, sheet: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Score of every place of the page, (rows, cols), the first being so many boxes above and left of the sheet.

    The score is the correlation with the furniture, less half the share of paper that would lie outside the page.
    """
    template = _furniture()
    # A part of the page may be missing: at most a third where the sheet is whole, more where it was seen in part.
    pads = [max(n - m, 0) + n // 3 for n, m in zip(LINES, sheet.shape, strict=True)]
    wide = np.pad(ink, [(n * CELL_PX,) * 2 for n in pads]).astype(np.float32)
    match = cv2.matchTemplate(wide, template, cv2.TM_CCORR)[::CELL_PX, ::CELL_PX]
    energy = cv2.resize(ink**2, sheet.shape[::-1], interpolation=cv2.INTER_AREA) * CELL_PX**2
    within = [_page_sums(np.pad(cells, [(n,) * 2 for n in pads])) for cells in (energy, sheet.astype(np.float64))]
    outside = 1.0 - within[1] / sheet.sum()
    return match / np.sqrt(np.maximum(within[0], 1.0) * (template**2).sum()) - 0.5 * outside, tuple(pads)


def _page_sums(cells: np.ndarray) -> np.ndarray:
    """Sum of `cells` over a page's worth of boxes at every place."""
    total = np.pad(cells.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    down, across = LINES
    return total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]


def _without_grid(ink: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """`ink` less the mean box, so that black grids count for nothing; 0 off the sheet."""
    rows, cols = sheet.shape
    cells = ink.reshape(rows, CELL_PX, cols, CELL_PX).swapaxes(1, 2)
    cells = (cells - cells[sheet].mean(axis=0)) * sheet[..., None, None]
    return cells.swapaxes(1, 2).reshape(ink.shape)


@cache
def _furniture() -> np.ndarray:
    """What every page shows, as a zero-mean matched filter: pulses, separators, lead names, bands of trace, footer."""
    canvas = np.zeros((LINES[0] * CELL_PX, LINES[1] * CELL_PX), np.float32)

    def paint(left: float, top: float, right: float, bottom: float, value: float) -> None:
        x0, x1 = ((np.array([left, right]) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        y0, y1 = (((np.array([top, bottom]) - GRID_TOP_MM) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        canvas[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] += value

    for row, base in enumerate(BASELINES_MM):
        paint(SIGNAL_LEFT_MM, base - 10.0, SIGNAL_RIGHT_MM, base + 10.0, -0.04)
        paint(SIGNAL_LEFT_MM, base - 4.0, SIGNAL_RIGHT_MM, base + 4.0, 0.1)
        for x in PULSE_MM:
            paint(x - 1.5, base - GAIN_MM_PER_MV, x + 1.5, base, -0.33)
            paint(x - 0.25, base - GAIN_MM_PER_MV, x + 0.25, base, 2.0)
        paint(PULSE_MM[0], base - GAIN_MM_PER_MV - 0.25, PULSE_MM[1], base - GAIN_MM_PER_MV + 0.25, 1.0)
        for quarter in range(4 if row != RHYTHM_ROW else 1):
            x = SIGNAL_LEFT_MM + quarter * QUARTER_MM
            drop = 1.0 if row == RHYTHM_ROW else 0.0
            paint(x + NAME_MM[0], base + NAME_MM[1] + drop, x + NAME_MM[2], base + NAME_MM[3] + drop, 0.5)
            if quarter:
                half = SEPARATOR_HEIGHT_MM / 2
                paint(x - 2.0, base - half, x + 2.0, base + half, -0.33)
                paint(x - 0.5, base - half, x + 0.5, base + half, 2.0)
    for box in FOOTER_MM:
        paint(*box, 0.4)
    return canvas - canvas.mean()
