"""Which way up is the sheet, and which box is which: the page's printed landmarks, found by a matched filter.

Landmarks are what every page of a layout shows: calibration pulses, separators, lead names, the bands of the traces and
the texts below them.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM, PageLayout

# Only the filter as a whole is recorded, not a choice of its values: of 20 real pictures 20 were placed rightly, with a
# margin of 0.10 to 0.19 where the grid was right and below 0.01 where it was wrong (docs/log.md, "Rectification").
CELL_PX = 10  # pixels a box in the pictures compared here
MOST_CONTRAST = 0.6  # at which the ink is clipped
MISSING_PENALTY = 0.5  # of the score, for paper that would lie outside the page as a whole
MISSING_SHARE = 3  # one part in so many of the page's rows or columns may be missing on either side


@dataclass(frozen=True)
class Ink:
    """Value of the template at each landmark; only ratios matter.

    Strokes, those of pulses and separators, count most; beside them the template is negative, so that only narrow marks
    match. The band of 4 mm above and below a baseline has a little ink, that of 10 mm a little less than bare paper.
    """

    stroke: float = 2.0
    beside_stroke: float = -0.33
    pulse_top: float = 1.0
    name: float = 0.5
    text: float = 0.4
    band: float = 0.1
    wide_band: float = -0.04


INK = Ink()


@dataclass(frozen=True)
class Placement:
    """Where the page lies on the mesh of a sheet.

    `turns` counter-clockwise quarter turns bring the mesh upright; then the page's first lines across and down are its
    column and row `first` = (col, row). `score` compares placements, `margin` is its lead over the next best.
    """

    turns: int
    first: tuple[int, int]
    score: float
    margin: float


def find_placement(ink: np.ndarray, sheet: np.ndarray, layout: PageLayout) -> Placement:
    """The placement of a page of `layout`, in any quarter turn, that fits the contrast `ink` best.

    `ink` has CELL_PX pixels a box; `sheet` (rows, cols) is true where a box lies on paper.
    """
    down, across = sheet.shape
    rows, cols = (np.nonzero(sheet.any(axis=axis))[0] for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    before = ((top, left), (across - right, top), (down - bottom, across - right), (left, down - bottom))  # by turn
    sheet = sheet[top:bottom, left:right]
    ink = ink[top * CELL_PX : bottom * CELL_PX, left * CELL_PX : right * CELL_PX]
    ink = _without_grid(np.minimum(ink, MOST_CONTRAST), sheet)

    def best_place(turns: int) -> tuple[float, int, tuple[int, int], float]:
        score, pads = _scores(np.rot90(ink, turns), np.rot90(sheet, turns), layout)
        row, col = np.unravel_index(score.argmax(), score.shape)
        best = float(score[row, col])
        score[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = -1.0
        first = (int(before[turns][1] + col - pads[1]), int(before[turns][0] + row - pads[0]))
        return best, turns, first, float(score.max())

    upright, lying = both(lambda odd: [best_place(turns) for turns in (odd, odd + 2)])
    found = sorted([*upright, *lying], reverse=True)
    best, turns, first, next_place = found[0]
    return Placement(turns, first, best, best - max(next_place, found[1][0]))


def _scores(ink: np.ndarray, sheet: np.ndarray, layout: PageLayout) -> tuple[np.ndarray, tuple[int, int]]:
    """Score (rows, cols) of every place of the page, and how far above and left of the sheet the first place is.

    The score is the correlation with the landmarks, less MISSING_PENALTY times the share of paper outside the page.
    """
    template = _template(layout)
    lines = layout.grid.rows, layout.grid.columns
    # A part of the page may be missing: at most a third where the sheet is whole, more where it was seen in part.
    pads = [max(n - m, 0) + n // MISSING_SHARE for n, m in zip(lines, sheet.shape, strict=True)]
    wide = np.pad(ink, [(n * CELL_PX,) * 2 for n in pads]).astype(np.float32)
    match = cv2.matchTemplate(wide, template, cv2.TM_CCORR)[::CELL_PX, ::CELL_PX]
    energy = cv2.resize(ink**2, sheet.shape[::-1], interpolation=cv2.INTER_AREA) * CELL_PX**2
    padding = [(n,) * 2 for n in pads]
    within = [_page_sums(np.pad(cells, padding), lines) for cells in (energy, sheet.astype(np.float64))]
    outside = 1.0 - within[1] / sheet.sum()
    correlation = match / np.sqrt(np.maximum(within[0], 1.0) * (template**2).sum())
    return correlation - MISSING_PENALTY * outside, (pads[0], pads[1])


def _page_sums(cells: np.ndarray, lines: tuple[int, int]) -> np.ndarray:
    """Sum of `cells` (rows, cols) over the area of a page at each of its places."""
    total = np.pad(cells.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    down, across = lines
    return total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]


def _without_grid(ink: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """`ink` less the mean box, so that a black grid vanishes; 0 off the sheet."""
    rows, cols = sheet.shape
    cells = ink.reshape(rows, CELL_PX, cols, CELL_PX).swapaxes(1, 2)
    cells = (cells - cells[sheet].mean(axis=0)) * sheet[..., None, None]
    return cells.swapaxes(1, 2).reshape(ink.shape)


@cache
def _template(layout: PageLayout) -> np.ndarray:
    """The landmarks of `layout` as a zero-mean matched filter, CELL_PX pixels a box."""
    lines = layout.grid.rows, layout.grid.columns
    canvas = np.zeros((lines[0] * CELL_PX, lines[1] * CELL_PX), np.float32)

    def paint(left: float, top: float, right: float, bottom: float, value: float) -> None:
        x0, x1 = ((np.array([left, right]) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        y0, y1 = (((np.array([top, bottom]) - layout.grid.top_mm) / BOX_MM + 0.5) * CELL_PX).round().astype(int)
        canvas[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] += value

    def paint_stroke(x: float, top: float, bottom: float, half_mm: float, beside_mm: float) -> None:
        paint(x - beside_mm, top, x + beside_mm, bottom, INK.beside_stroke)
        paint(x - half_mm, top, x + half_mm, bottom, INK.stroke)

    # Sizes are mm about the printed marks; like INK they were not swept.
    names = dict(zip(layout.windows, layout.names, strict=True))
    for row, base in enumerate(layout.baselines_mm):
        paint(layout.left_mm, base - 10.0, layout.right_mm, base + 10.0, INK.wide_band)
        paint(layout.left_mm, base - 4.0, layout.right_mm, base + 4.0, INK.band)
        for pulse in layout.row_pulses(row):
            top = base - layout.gain_mm_per_mv
            for x in (pulse.left_mm, pulse.right_mm):
                paint_stroke(x, top, base, half_mm=0.25, beside_mm=1.5)
            paint(pulse.left_mm, top - 0.25, pulse.right_mm, top + 0.25, INK.pulse_top)
        for window in layout.row_windows(row):
            name = names[window]
            right = name.left_mm + name.width_mm
            paint(name.left_mm + 0.5, name.base_mm - 3.0, right, name.base_mm + 0.2, INK.name)
        for separator in layout.row_separators(row):
            half = separator.height_mm / 2
            paint_stroke(separator.x_mm, base - half, base + half, half_mm=0.5, beside_mm=2.0)
    for text in layout.texts:
        paint(text.left_mm, text.base_mm - 2.9, text.left_mm + text.width_mm, text.base_mm + 0.6, INK.text)
    return canvas - canvas.mean()
