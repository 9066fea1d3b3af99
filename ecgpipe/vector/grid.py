"""The millimetre of a drawing: the spacing of the many equal, parallel lines of its grid."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgpipe.page.layout import BOX_MM, MM_PER_INCH, Grid
from ecgpipe.vector.drawing import Drawing, Line

POINTS_PER_MM = 72.0 / MM_PER_INCH
# None of these was swept. Lengths are points, shares those of a spacing unless said otherwise.
STRAIGHT = 0.02  # by which a line along an axis may leave it
LEAST_PIECE = 2.0  # of a line
LEAST_LENGTH = 0.15  # of the sheet's side, that all pieces at one place together have
SAME_PLACE = 0.15  # of which lines are one
LEAST_LINES, MOST_LINES = 8, 3000
OFF, MOST_OFF = 0.1, 0.2  # from its place that a line may be, and share of the lines that may be farther off
NEAR_USUAL, FINER = 0.005, 8  # share by which spacings are tried, and trials for one line more or less on the sheet
LEAST_RUN = 0.6  # share of the places between first and last that have a line
ONE_MM, FIVE_MM = (0.6, 1.7), (3.0, 8.5)  # mm of paper between lines that are taken for 1 mm and for 5 mm
SQUARE = 0.05  # share by which the grid's boxes may be higher or wider


@dataclass(frozen=True)
class Axis:
    """Lines `unit` points apart, a millimetre of the grid, from `first` to `last`; `heavy` is the first of those every
    5 mm. `misfit_mm` is their median distance from these places, `styles` are those that many are drawn in."""

    first: float
    last: float
    unit: float
    heavy: float
    misfit_mm: float
    styles: frozenset[tuple]


@dataclass(frozen=True)
class Scale:
    """The grid of a drawing along `x` and `y`."""

    x: Axis
    y: Axis

    def to_mm(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the drawing in mm of the sheet, as the grid has them."""
        return points / np.array([self.x.unit, self.y.unit])

    @property
    def misfit_mm(self) -> float:
        return max(self.x.misfit_mm, self.y.misfit_mm)

    @property
    def styles(self) -> frozenset[tuple]:
        """The styles in which the grid is drawn."""
        return self.x.styles | self.y.styles

    @property
    def grid(self) -> Grid:
        """The lines every 5 mm."""
        columns, rows = (int((axis.last - axis.heavy) / axis.unit / BOX_MM + 0.01) + 1 for axis in (self.x, self.y))
        return Grid(self.x.heavy / self.x.unit, self.y.heavy / self.y.unit, columns, rows)

    def size_mm(self, drawing: Drawing) -> tuple[float, float]:
        """Width and height of the sheet."""
        width, height = drawing.size
        return width / self.x.unit, height / self.y.unit


def scale_of(drawing: Drawing) -> Scale | None:
    """The grid's scale; None where there is no grid of lines, or one of which it is not clear how much a box is."""
    found = []
    for axis in (0, 1):
        places = _lines_at(drawing.lines, axis, LEAST_LENGTH * drawing.size[1 - axis])
        regular = _regular(places)
        if regular is None:
            return None
        found.append(regular)
    scale = Scale(*found)
    return scale if abs(scale.x.unit / scale.y.unit - 1) < SQUARE else None


def is_straight(line: Line) -> bool:
    """Whether a line runs along an axis from its beginning to its end."""
    return bool((np.ptp(line.points, axis=0) < STRAIGHT).any())


def _lines_at(lines: Sequence[Line], axis: int, least: float) -> dict[float, set[tuple]]:
    """Where along `axis` lines cross it that are `least` long, in pieces or whole, and the styles of each."""
    ends = [(line.points[:-1], line.points[1:], line.style) for line in lines]
    places, lengths, styles = [], [], []
    for start, end, style in ends:
        step = np.abs(end - start)
        along = (step[:, axis] < STRAIGHT) & (step[:, 1 - axis] > LEAST_PIECE)
        places += list((start[along, axis] + end[along, axis]) / 2)
        lengths += list(step[along, 1 - axis])
        styles += [style] * int(along.sum())
    order = np.argsort(places, kind="stable")
    found: dict[float, set[tuple]] = {}
    group: list[int] = []
    for index in [*order, -1]:
        if group and (index < 0 or places[index] - places[group[0]] > SAME_PLACE):
            if sum(lengths[one] for one in group) >= least:
                of_style: dict[tuple, float] = defaultdict(float)
                for one in group:
                    of_style[styles[one]] += lengths[one]
                longest = max(group, key=lambda one: lengths[one])
                found[places[longest]] = {style for style, length in of_style.items() if length >= least}
            group = []
        group.append(index)
    return found


def _regular(places: dict[float, set[tuple]]) -> Axis | None:
    """The axis whose lines stand at most of `places`."""
    at = np.array(sorted(places))
    if len(at) < LEAST_LINES:
        return None
    if at[-1] - at[0] > MOST_LINES * np.median(np.diff(at)):
        return None
    step, first = _period(at)
    index, kept = np.rint((at - first) / step), np.ones(len(at), bool)
    for _ in range(3):  # what stands between the lines is left out
        off = np.abs(at - first - index * step) / step
        kept = off < OFF
        if kept.sum() < LEAST_LINES:
            return None
        step, first = np.polyfit(index[kept], at[kept], 1)
        index = np.rint((at - first) / step)
    run = index[kept].max() - index[kept].min() + 1
    if kept.mean() < 1 - MOST_OFF or kept.sum() < LEAST_RUN * run:
        return None
    low, high = index[kept].min(), index[kept].max()
    styles = [places[place] for place in at[kept]]
    fives = _fives(styles, index[kept])
    if fives is not None:
        unit, heavy = step, first + (low + (fives - low) % 5) * step
    elif ONE_MM[0] < step / POINTS_PER_MM < ONE_MM[1]:
        unit, heavy = step, first + low * step
    elif FIVE_MM[0] < step / POINTS_PER_MM < FIVE_MM[1]:
        unit, heavy = step / BOX_MM, first + low * step
    else:
        return None
    misfit = float(np.median(np.abs(at - first - index * step)[kept]) / unit)
    often = frozenset(style for style in set().union(*styles) if sum(style in some for some in styles) >= LEAST_LINES)
    return Axis(float(first + low * step), float(first + high * step), float(unit), float(heavy), misfit, often)


def _period(at: np.ndarray) -> tuple[float, float]:
    """How far apart places are, and where one of them is: the usual distance, as little changed as makes them agree."""
    usual = float(np.median(np.diff(at)))
    fine = usual / (at[-1] - at[0]) / FINER
    steps = usual * np.arange(1 - NEAR_USUAL, 1 + NEAR_USUAL, fine)
    phases = np.exp(2j * np.pi * (at - at[0]) / steps[:, None]).mean(axis=1)
    best = int(np.abs(phases).argmax())
    return float(steps[best]), float(at[0] + np.angle(phases[best]) / (2 * np.pi) * steps[best])


def _fives(styles: Sequence[set[tuple]], index: np.ndarray) -> int | None:
    """The place, of five, of lines that are drawn otherwise than all between them; None where there are none such."""
    every = set().union(*styles)
    for style in sorted(every, key=str):
        has = np.array([style in some for some in styles])
        if has.sum() < 3:
            continue
        rest = int(index[has][0]) % 5
        on_fives = index % 5 == rest
        if has[~on_fives].any() or has[on_fives].mean() < 0.9 or on_fives.mean() > 0.5:
            continue
        return rest
    return None
