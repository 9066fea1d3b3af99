"""Which page is on a sheet: every known form is laid over the marks seen, and the one that explains them best is taken.

A hypothesis says how many rows and columns there are, where they stand, and which lead stands in which. It gains by
each start, end and lead name that is where it expects one, and loses by each that is missing or stands against it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.recognize.marks import CELL_MM, END, INVERTED, NAMES, START, Mark, Marks

LIMB, CHEST = LEADS[:6], LEADS[6:]
CABRERA = ("aVL", "I", INVERTED, "II", "aVF", "III")
TRIPLES = tuple(LEADS[k : k + 3] for k in (0, 3, 6, 9)) + (("V1", "II", "V5"), ("II", "V1", "V5"))
# Leads of each form, from the top down and then to the next column.
FORMS: dict[tuple[int, int], tuple[tuple[str, ...], ...]] = {
    (3, 4): ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    (6, 2): ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    (12, 1): ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    (6, 1): (LIMB, CHEST, CABRERA),
    (3, 2): (LIMB, CHEST, CABRERA),
    (3, 1): TRIPLES,
}
MOST_STRIPS = {(3, 4): 3, (6, 2): 2}

# None of these was swept. Lengths are mm.
ROW_MM = 40.0  # of 0 mV seen along a row, at least
ROW_SHARE = 0.3  # of what is seen along the longest
ROWS_APART_MM = 6.0
NEAR_ROW_MM = 5.0  # of a start or end from its row
TOGETHER_MM = 4.0  # starts of one column
SPREAD_MM = 2.0  # standard deviation of a start, an end or a name about its place
LEAST_COLUMN_MM = 20.0
EXPECTED = 0.35  # probability from which a mark that is expected speaks for a hypothesis
NAME_WEIGHT = 1.5  # of a name over a start
UNNAMED = 0.1  # loss for a name that is not seen; many are hidden by the trace
REACH_MM = (-16.0, 30.0)  # of a name from the start of its window, along x
REACH_ROWS = 0.8  # of the distance between rows, along y
FAR_MM = 22.0  # along y, at most
EDGE_MM = 2.0  # of the sheet, beyond which nothing is expected
WHOLE_S, WHOLE_WITHIN_S = 0.5, 0.04  # durations are a multiple of the first if that near
USUAL_SPEED, USUAL_GAIN = 25.0, 10.0
PULSE_OFF = 0.12  # of its height, by which a pulse may be off a gain


@dataclass(frozen=True)
class Found:
    """The page found on a sheet, in mm of the sheet: its `layout`, the `named` share of windows whose name was seen,
    the `score` of its hypothesis and its `margin` over the next best; `doubts` in words."""

    layout: PageLayout
    named: float
    score: float
    margin: float
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """A row of traces at `y_mm`, `seen_mm` long, with the starts and ends near it."""

    y_mm: float
    seen_mm: float
    starts: tuple[Mark, ...]
    ends: tuple[Mark, ...]


@dataclass(frozen=True)
class _Hypothesis:
    """`rows` of which the last `strips` are rhythm strips; columns begin at `lefts_mm` and are `wide_mm`."""

    rows: tuple[_Row, ...]
    strips: int
    lefts_mm: tuple[float, ...]
    wide_mm: float
    leads: tuple[str, ...]
    structure: float
    names: float = 0.0
    offset_mm: tuple[float, float] = (0.0, 0.0)
    first_offset_mm: tuple[float, float] = (0.0, 0.0)
    matched: int = 0

    @property
    def score(self) -> float:
        return self.structure + NAME_WEIGHT * self.names

    @property
    def right_mm(self) -> float:
        return self.lefts_mm[-1] + self.wide_mm

    def windows(self) -> Iterator[tuple[str, int, int]]:
        """Lead, row and column of each window of the form."""
        count = len(self.rows) - self.strips
        for index, lead in enumerate(self.leads):
            yield lead, index % count, index // count


def find_layout(marks: Marks, size_mm: tuple[float, float]) -> list[_Hypothesis]:
    """All hypotheses about a sheet of `size_mm`, best first; empty if no row of traces is seen."""
    rows = _rows(marks)
    names = marks.of(*NAMES)
    found: list[_Hypothesis] = []
    for (down, across), orders in FORMS.items():
        for strips in range(MOST_STRIPS.get((down, across), 0) + 1):
            total = down + strips
            for first in range(len(rows) - total + 1):
                chosen = rows[first : first + total]
                others = [row for row in rows if row not in chosen]
                left_out = sum(row.seen_mm for row in others) / max(row.seen_mm for row in rows)
                for lefts, wide, structure in _columns(chosen, strips, across, size_mm):
                    for leads in orders:
                        bare = _Hypothesis(tuple(chosen), strips, lefts, wide, leads, structure - 2 * left_out)
                        found.append(_named(bare, names, size_mm))
    return sorted(found, key=lambda one: -one.score)


def _rows(marks: Marks) -> list[_Row]:
    """The rows of traces from the top down."""
    seen = (marks.row * (marks.row > 0.25)).sum(axis=1) * CELL_MM
    # A row lies within two cells or three: what is seen beside its middle belongs to it.
    rows: list[_Row] = []
    left = seen.copy()
    apart = round(ROWS_APART_MM / CELL_MM)
    while left.max(initial=0.0) > max(ROW_MM / 2, ROW_SHARE * seen.max()):
        at = int(left.argmax())
        near = slice(max(at - 2, 0), at + 3)
        y_mm = float((np.arange(len(seen))[near] * seen[near]).sum() / seen[near].sum() + 0.5) * CELL_MM
        length = float(marks.row[near].max(axis=0).__gt__(0.25).sum() * CELL_MM)
        left[max(at - apart, 0) : at + apart + 1] = 0
        if length < ROW_MM:
            continue
        starts, ends = (
            tuple(mark for mark in marks.of(kind) if abs(mark.y_mm - y_mm) < NEAR_ROW_MM) for kind in (START, END)
        )
        rows.append(_Row(y_mm, length, starts, ends))
    longest = max((row.seen_mm for row in rows), default=0.0)
    return sorted((row for row in rows if row.seen_mm > ROW_SHARE * longest), key=lambda row: row.y_mm)


def _columns(
    rows: Sequence[_Row], strips: int, across: int, size_mm: tuple[float, float]
) -> Iterator[tuple[tuple[float, ...], float, float]]:
    """Where `across` columns may begin, how wide they are, and how well starts and ends in `rows` agree."""
    main = rows[: len(rows) - strips]
    begins = _clusters([mark for row in main for mark in row.starts])
    stops = _clusters([mark for row in main for mark in row.ends])
    if not begins or not stops:
        return
    tried = set()
    if across == 1:
        spans = [(x, end - x, 1) for x, end in product(begins, stops) if end - x > ROW_MM]
    else:
        spans = [
            (a - k * (b - a), b - a, across)
            for a in begins
            for b in begins
            if b - a > LEAST_COLUMN_MM
            for k in range(across - 1)
        ]
        # A first column whose start is not seen, and a last one whose next start does not exist.
        spans += [
            (end - across * (b - a), b - a, across)
            for a in begins
            for b in begins
            for end in stops
            if b - a > LEAST_COLUMN_MM
        ]
    for x_mm, step_mm, count in spans:
        key = round(x_mm / 2), round(step_mm / 1.5)
        if key in tried or x_mm < -0.6 * step_mm or x_mm + (count - 0.5) * step_mm > size_mm[0]:
            continue
        tried.add(key)
        lefts = _refined(main, tuple(x_mm + k * step_mm for k in range(count)))
        wide = _width(main, lefts, step_mm)
        score = sum(_structure(row, lefts, wide, size_mm) for row in main)
        strip = (lefts[0],), lefts[-1] + wide - lefts[0]
        score += sum(_structure(row, *strip, size_mm) for row in rows[len(main) :])
        yield lefts, wide, score


def _clusters(marks: Sequence[Mark]) -> list[float]:
    """The x at which marks of several rows stand together, most marks first."""
    left = sorted(marks, key=lambda mark: -mark.probability)
    found: list[tuple[float, float]] = []
    while left:
        near = [mark for mark in left if abs(mark.x_mm - left[0].x_mm) < TOGETHER_MM]
        weight = sum(mark.probability for mark in near)
        found.append((weight, sum(mark.x_mm * mark.probability for mark in near) / weight))
        left = [mark for mark in left if mark not in near]
    return [x for weight, x in sorted(found, reverse=True) if weight > EXPECTED][:8]


def _refined(rows: Sequence[_Row], lefts_mm: tuple[float, ...]) -> tuple[float, ...]:
    """`lefts_mm` on the starts seen near them, evenly spaced: the line that fits them best."""
    columns, places, weights = [], [], []
    for column, x_mm in enumerate(lefts_mm):
        for row in rows:
            for mark in row.starts:
                if abs(mark.x_mm - x_mm) < TOGETHER_MM:
                    columns.append(column)
                    places.append(mark.x_mm)
                    weights.append(mark.probability)
    if len(set(columns)) < 2:
        shift = float(np.average(np.array(places) - np.array(lefts_mm)[columns], weights=weights)) if places else 0.0
        return tuple(x + shift for x in lefts_mm)
    slope, first = np.polyfit(columns, places, 1, w=weights)
    return tuple(float(first + slope * k) for k in range(len(lefts_mm)))


def _width(rows: Sequence[_Row], lefts_mm: tuple[float, ...], step_mm: float) -> float:
    """How wide the windows are: the median over the ends seen, the columns' step if none is seen."""
    step = lefts_mm[1] - lefts_mm[0] if len(lefts_mm) > 1 else step_mm
    wide = [
        mark.x_mm - left
        for left in lefts_mm
        for row in rows
        for mark in row.ends
        if 0.6 * step < mark.x_mm - left < step + TOGETHER_MM and mark.probability > EXPECTED
    ]
    found = float(np.median(wide)) if len(wide) >= max(len(rows) / 2, 2) else step
    return step if len(lefts_mm) > 1 and found > step - 1.0 else found


def _structure(row: _Row, lefts_mm: tuple[float, ...], wide_mm: float, size_mm: tuple[float, float]) -> float:
    """How far the starts and ends of a row speak for windows that begin at `lefts_mm` and are `wide_mm`."""
    rights = tuple(left + wide_mm for left in lefts_mm)
    total = 0.0
    for marks, places in ((row.starts, lefts_mm), (row.ends, rights)):
        for x_mm in places:
            if EDGE_MM < x_mm < size_mm[0] - EDGE_MM:
                total += _support(marks, x_mm) - EXPECTED
        unexplained = [m for m in marks if min(abs(m.x_mm - x) for x in places) > 2 * TOGETHER_MM]
        total -= sum(mark.probability for mark in unexplained if mark.probability > EXPECTED)
    return total


def _support(marks: Sequence[Mark], x_mm: float) -> float:
    return max((m.probability * float(np.exp(-0.5 * ((m.x_mm - x_mm) / SPREAD_MM) ** 2)) for m in marks), default=0.0)


# ---- names


def _named(bare: _Hypothesis, names: Sequence[Mark], size_mm: tuple[float, float]) -> _Hypothesis:
    """The hypothesis with its names where they fit best: at one offset from the starts, in the first column perhaps at
    another."""
    if not names:
        return bare
    heights = np.array([row.y_mm for row in bare.rows])
    pitch = float(np.diff(heights).min()) if len(heights) > 1 else 2 * FAR_MM
    windows = list(bare.windows())
    places = {(row, column): (bare.lefts_mm[column], heights[row]) for _, row, column in windows}
    columns = [[w for w in windows if w[2] == 0], [w for w in windows if w[2] > 0]]
    rest = _best_offset(columns[1] or columns[0], places, names, pitch, size_mm)
    first = (
        max(
            _best_offset(columns[0], places, names, pitch, size_mm),
            (_agreement(columns[0], places, names, rest[1], size_mm), rest[1]),
        )
        if columns[1]
        else rest
    )
    total = first[0][0] + (rest[0][0] if columns[1] else 0.0)
    matched = first[0][1] + (rest[0][1] if columns[1] else 0)
    from dataclasses import replace

    return replace(bare, names=total, offset_mm=rest[1], first_offset_mm=first[1], matched=matched)


Agreement = tuple[float, int]


def _best_offset(windows, places, names, pitch_mm, size_mm) -> tuple[Agreement, tuple[float, float]]:
    """The offset of names from the starts of `windows` that agrees best with the `names` seen."""
    best = ((-UNNAMED * len(windows), 0), (0.0, 0.0))
    for lead, row, column in windows:
        x, y = places[row, column]
        for mark in names:
            if mark.what != lead:
                continue
            offset = mark.x_mm - x, mark.y_mm - y
            if not REACH_MM[0] < offset[0] < REACH_MM[1] or abs(offset[1]) > min(REACH_ROWS * pitch_mm, FAR_MM):
                continue
            agreement = _agreement(windows, places, names, offset, size_mm)
            if agreement > best[0]:
                best = agreement, offset
    return best


def _agreement(windows, places, names, offset, size_mm) -> Agreement:
    """How well the names at `offset` from the starts of `windows` agree with those seen, and how many do."""
    total, matched = 0.0, 0
    for lead, row, column in windows:
        x, y = places[row, column][0] + offset[0], places[row, column][1] + offset[1]
        if not (EDGE_MM < x < size_mm[0] - EDGE_MM and EDGE_MM < y < size_mm[1] - EDGE_MM):
            continue
        near = [
            (
                mark.probability * float(np.exp(-((mark.x_mm - x) ** 2 + (mark.y_mm - y) ** 2) / 2 / SPREAD_MM**2 / 4)),
                mark.what == lead,
            )
            for mark in names
        ]
        own = max((value for value, same in near if same), default=0.0)
        other = max((value for value, same in near if not same), default=0.0)
        total += own - UNNAMED if own > 0.1 else -UNNAMED
        total -= max(other - own, 0.0)
        matched += own > max(other, 0.15)
    return total, matched
