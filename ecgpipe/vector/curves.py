"""The curves of a drawing: lines joined where one goes on with another, calibration pulses told from traces."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecgpipe.recognize.hints import GAINS_MM_PER_MV
from ecgpipe.recognize.scales import PULSE_OFF
from ecgpipe.vector.drawing import Line
from ecgpipe.vector.grid import Scale, is_straight

# None of these was swept. Lengths are mm.
JOINED = 0.02  # between the end of a line and the beginning of that which goes on with it
LEAST_POINTS, LEAST_WIDE = 40, 20.0  # of a trace
LEAST_HIGH, MOST_HIGH = 0.2, 120.0
LONGEST_STRAIGHT = 25.0  # along an axis, of a line that may belong to a trace
BACK, MOST_BACK = 0.1, 0.005  # steps to the left, and the share of a trace's width that all of them may have
PULSE_WIDE, FLANK_WIDE = (2.0, 12.0), 0.6
LEVEL = 0.1  # by which a pulse's top and feet may be uneven
PULSE_REACH = 30.0  # from an end of a trace within which a pulse of its own stands
FOOT_WIDE = 8.0  # of a pulse's foot, at most
BEHIND = 1e-6  # of a place, where a curve that goes straight up there has done so
LEAP, LEAST_LEAP = 20.0, 0.5  # times the usual step, and mm, from which a line only leads from a foot to the trace
STEP, PLATEAU = 4.0, 1.5  # height of a flank, and width of the level top behind it, as no heart makes them


@dataclass(frozen=True)
class Curve:
    """A curve `points` (n, 2) in mm, from left to right; `sources` are the objects that draw it.

    `errors_mm` (n,) are the standard errors of heights where samples that the drawing left out were put back, 0 of
    those that are drawn; None of a curve as it is drawn.
    """

    points: np.ndarray
    sources: frozenset[int]
    errors_mm: np.ndarray | None = None

    @property
    def drawn(self) -> np.ndarray:
        """Which of the points are drawn, (n,) bool."""
        return np.ones(len(self.points), bool) if self.errors_mm is None else self.errors_mm == 0

    @property
    def left(self) -> float:
        return float(self.points[0, 0])

    @property
    def right(self) -> float:
        return float(self.points[-1, 0])

    @property
    def wide(self) -> float:
        return self.right - self.left

    @cached_property
    def level(self) -> float:
        """The median height y."""
        return float(np.median(self.at(np.linspace(self.left, self.right, 2000))))

    def at(self, x_mm: np.ndarray, reach_mm: float = 0.0, step: float = BEHIND) -> np.ndarray:
        """The height y at `x_mm`; NaN where the curve is not, but up to `reach_mm` beyond its ends as it is there.

        Where it goes straight up or down it is what it is behind that, or before it with a negative `step`.
        """
        x = np.maximum.accumulate(self.points[:, 0] + np.arange(len(self.points)) * (BEHIND / 1000 / len(self.points)))
        y = np.interp(x_mm + step, x, self.points[:, 1])
        return np.where((x_mm >= self.left - reach_mm) & (x_mm <= self.right + reach_mm), y, np.nan)

    def error_at(self, x_mm: np.ndarray) -> np.ndarray:
        """The standard error in mm of the height at `x_mm`, as samples were put back; 0 where all are drawn."""
        if self.errors_mm is None:
            return np.zeros(np.shape(x_mm))
        return np.interp(x_mm, self.points[:, 0], self.errors_mm)

    def cut(self, left: float, right: float) -> "Curve":
        """The part between two x, with points of its own there."""
        ends = np.clip([left, right], self.left, self.right)
        inner = self.points[(self.points[:, 0] > ends[0]) & (self.points[:, 0] < ends[1])]
        first, last = (np.array([[x, self.at(x, step=step)]]) for x, step in zip(ends, (BEHIND, -BEHIND), strict=True))
        return Curve(np.vstack([first, inner, last]), self.sources)


@dataclass(frozen=True)
class DrawnPulse:
    """A calibration pulse: flanks at `left` and `right`, its foot at y `foot`, `high` mm high."""

    left: float
    right: float
    foot: float
    high: float


def curves_of(lines: Sequence[Line], scale: Scale, *, join_traces: bool) -> list[Curve]:
    """All curves of a drawing that run from left to right, each once; with `join_traces` even those that are traces by
    themselves are joined, as a machine may draw one in several pieces."""
    whole: list[Curve] = []
    found: list[Curve] = []
    by_style: dict[tuple, list[Curve]] = {}
    for line in lines:
        points = scale.to_mm(line.points)
        if is_straight(line) and (line.style in scale.styles or np.ptp(points, axis=0).max() > LONGEST_STRAIGHT):
            continue
        curve = Curve(points if points[-1, 0] >= points[0, 0] else points[::-1], frozenset([line.source]))
        if not join_traces and is_trace(curve):
            whole.append(curve)
        else:
            by_style.setdefault(line.style, []).append(curve)
    for pieces in by_style.values():
        found += _joined(pieces)
    return list(_distinct(sorted((c for c in (*whole, *found) if _runs_right(c)), key=lambda curve: curve.left)))


def is_trace(curve: Curve) -> bool:
    """Whether a curve has the shape of a lead: many points, wide, from left to right, not level."""
    high = np.ptp(curve.points[:, 1])
    return (
        len(curve.points) >= LEAST_POINTS
        and curve.wide >= LEAST_WIDE
        and bool(LEAST_HIGH < high < MOST_HIGH)
        and _runs_right(curve)
    )


def _runs_right(curve: Curve) -> bool:
    back = -np.minimum(np.diff(curve.points[:, 0]), 0.0)
    return bool(back.max(initial=0.0) <= BACK and back.sum() <= MOST_BACK * max(curve.wide, 1e-9))


def _joined(pieces: Sequence[Curve]) -> Iterator[Curve]:
    """Curves made of `pieces` of one style, each of which begins where the one before it ends."""
    order = sorted(range(len(pieces)), key=lambda index: (pieces[index].left, pieces[index].right))
    chains: list[list[Curve]] = []
    open_at: dict[tuple[int, int], int] = {}
    for piece in (pieces[index] for index in order):
        chain = None
        for one in (piece, Curve(piece.points[::-1], piece.sources)) if piece.wide < JOINED else (piece,):
            chain = _take(open_at, one.points[0])
            if chain is not None:
                piece = one
                break
        if chain is None:
            chains.append([])
            chain = len(chains) - 1
        chains[chain].append(piece)
        open_at[_cell(piece.points[-1])] = chain
    for whole in chains:
        points = [whole[0].points, *(piece.points[1:] for piece in whole[1:])]
        yield Curve(np.concatenate(points), frozenset().union(*(piece.sources for piece in whole)))


def _cell(point: np.ndarray) -> tuple[int, int]:
    return round(point[0] / JOINED), round(point[1] / JOINED)


def _take(open_at: dict[tuple[int, int], int], point: np.ndarray) -> int | None:
    """The chain that ends at a point, which is open no more."""
    column, row = _cell(point)
    for cell in ((column + dx, row + dy) for dx in (0, -1, 1) for dy in (0, -1, 1)):
        if cell in open_at:
            return open_at.pop(cell)
    return None


def _distinct(curves: Iterable[Curve]) -> Iterator[Curve]:
    """`curves` without those that are drawn over another just as it is."""
    seen: dict[tuple, Curve] = {}
    for curve in curves:
        key = (len(curve.points), *np.rint(curve.points[[0, -1]].ravel() / JOINED).astype(int))
        other = seen.get(key)
        if other is not None and np.abs(other.points - curve.points).max() < JOINED:
            continue
        seen[key] = curve
        yield curve


# ---- pulses


def as_pulse(curve: Curve) -> DrawnPulse | None:
    """The calibration pulse that a curve is and nothing else; None for any other."""
    y = curve.points[:, 1]
    if curve.wide > PULSE_WIDE[1] + 2 * FOOT_WIDE:
        return None
    pulse = _pulse_in(curve.points)
    if pulse is None or y.max() > pulse.foot + LEVEL or y.min() < pulse.foot - pulse.high - LEVEL:
        return None
    return pulse


@dataclass(frozen=True)
class Trace:
    """A curve, of which what lies from `left` to `right` was recorded, and the `pulses` at its ends."""

    curve: Curve
    left: float
    right: float
    pulses: tuple[DrawnPulse, ...] = ()

    @property
    def wide(self) -> float:
        return self.right - self.left

    @cached_property
    def recorded(self) -> Curve:
        return self.curve.cut(self.left, self.right) if self.pulses else self.curve


def as_trace(curve: Curve) -> Trace:
    """A curve that has the shape of a trace; it begins where the foot of the pulse before it is left."""
    mirror = np.array([-1.0, 1.0])
    before, left = _first_pulse(curve.points)
    after, right = _first_pulse(curve.points[::-1] * mirror)
    pulses = [before] if before else []
    if after:
        pulses.append(DrawnPulse(-after.right, -after.left, after.foot, after.high))
    return Trace(curve, left, -right, tuple(pulses))


def _first_pulse(points: np.ndarray) -> tuple[DrawnPulse | None, float]:
    """The pulse at the beginning of `points`, and where what follows leaves its foot; None and the beginning."""
    pulse = _pulse_in(points[points[:, 0] < points[0, 0] + PULSE_REACH])
    if pulse is None:
        return None, float(points[0, 0])
    behind = np.flatnonzero(points[:, 0] >= pulse.right)
    off = np.abs(points[behind, 1] - pulse.foot)
    reached = int(np.argmax(off < LEVEL))  # the falling flank ends on the foot
    last = behind[reached + max(int(np.argmax(off[reached:] > LEVEL / 4)) - 1, 0)]
    leap = points[min(last + 1, len(points) - 1), 0] - points[last, 0]
    usual = float(np.median(np.diff(points[:, 0])))
    return pulse, float(points[last, 0] + (leap if leap > max(LEAP * usual, LEAST_LEAP) else 0.0))


def has_steps(curve: Curve) -> bool:
    """Whether something of a curve is as no heart makes it: a high, upright flank with a level top behind or before it,
    such as a pulse has."""
    x, y = curve.points.T
    index = np.arange(len(x))
    starts = np.flatnonzero(np.concatenate([[True], np.abs(np.diff(y)) > LEVEL / 5]))
    stops = np.concatenate([starts[1:], [len(x)]]) - 1
    level = np.flatnonzero(x[stops] - x[starts] >= PLATEAU)
    for first, last in zip(starts[level], stops[level], strict=True):
        near = (x >= x[first] - FLANK_WIDE / 2) & (x <= x[last] + FLANK_WIDE / 2)
        before, after = near & (index < first), near & (index > last)
        if any(side.any() and np.abs(y[side] - y[first]).max() > STEP for side in (before, after)):
            return True
    return False


def _pulse_in(points: np.ndarray) -> DrawnPulse | None:
    """The first pulse among `points` (n, 2): a level top between two upright flanks, which stand on one level."""
    x, y = points.T
    first = 0
    while first < len(x) - 1:
        last = first
        while last + 1 < len(x) and abs(y[last + 1] - y[first]) < LEVEL:
            last += 1
        if last > first and PULSE_WIDE[0] <= x[last] - x[first] <= PULSE_WIDE[1]:
            before, after = _fallen(points[: first + 1][::-1]), _fallen(points[last:])
            if before is not None and after is not None and abs(before[1] - after[1]) < LEVEL:
                high = float(before[1] - y[first : last + 1].mean())
                if any(abs(high / gain - 1) < PULSE_OFF for gain in GAINS_MM_PER_MV):
                    left, right = (float(x[first] + before[0]) / 2, float(x[last] + after[0]) / 2)
                    return DrawnPulse(left, right, float(before[1]), high)
        first = max(last, first + 1)
    return None


def _fallen(points: np.ndarray) -> np.ndarray | None:
    """The point at the lower end of the upright flank that `points` (n, 2) begin with; None where there is none."""
    steps = np.diff(points[:, 1])
    count = int(np.argmin(np.append(steps > -LEVEL / 4, False)))
    while count and steps[count - 1] < LEVEL / 4:  # what is level already is foot
        count -= 1
    upright = count and abs(points[count, 0] - points[0, 0]) < FLANK_WIDE
    return points[count] if upright else None
