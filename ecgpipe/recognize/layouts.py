"""Which page is on a sheet: every known form is laid over the marks seen, and the one that explains them best is taken.

A hypothesis says how many rows and columns there are, where they stand, and which lead stands in which. It gains by
each start, end and lead name that is where it expects one, and loses by each that is missing or stands against it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from ecgpipe.page.layout import CABRERA, LEADS
from ecgpipe.recognize.hints import MOST_STRIPS, Hints, parse_form
from ecgpipe.recognize.marks import CELL_MM, END, INVERTED, NAMES, START, Mark, Marks

LIMB, CHEST = LEADS[:6], LEADS[6:]
TRIPLES = (*(LEADS[k : k + 3] for k in (0, 3, 6, 9)), ("V1", "II", "V5"), ("II", "V1", "V5"))
# Leads of each form, from the top down and then to the next column.
FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "3x4": ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    "6x2": ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    "12x1": ((*LIMB, *CHEST), (*CABRERA, *CHEST)),
    "6x1": (LIMB, CHEST, CABRERA),
    "3x2": (LIMB, CHEST, CABRERA),
    "3x1": TRIPLES,
}

CLEARLY_NAMED = 0.7  # share of the names expected, from which a page is beyond doubt; not swept

# None of these was swept. Lengths are mm.
ROW_MM = 40.0  # of 0 mV seen along a row, at least
ROW_SHARE = 0.3  # of what is seen along the longest
ROW_SEEN = 0.25  # probability of 0 mV that counts
ROW_QUANTILES = (0.01, 0.99)  # of what is seen, where a row begins and ends
OFF_MM, OFF = 12.0, 1.0  # from a row's end, and loss for columns that begin or end so far or farther from it
ROWS_APART_MM = 6.0
MOST_FALSE_ROWS = 2  # that are left out wherever they are
NEAR_ROW_MM = 5.0  # of a start or end from its row
TOGETHER_MM = 4.0  # starts of one column
SPREAD_MM = 2.0  # standard deviation of a start or an end about its place
NAME_SPREAD_MM = 4.0  # and of a name
LEAST_COLUMN_MM = 20.0
EXPECTED = 0.35  # probability from which a mark that is expected speaks for a hypothesis
NAME_WEIGHT = 1.5  # of a name over a start
STRIP_NAME_MM = 8.0  # standard deviation of a strip's name about the place that the other names let expect
USUAL_STRIPS, RARE_STRIP = {"II": 1.0, "V1": 0.7, "V5": 0.7}, 0.4  # weight of leads as strips
NAMELESS_STRIP = 0.4  # loss for a strip whose name is not seen
USUAL_MM, USUAL_WITHIN, USUAL = (62.5, 125.0, 250.0), 0.015, 2.5  # widths that most windows have, and what that adds
GAP_MM = 1.0  # from which columns have blank paper between them
TRIED = 12  # places of columns whose names are looked at, the best by starts and ends
MOST_UNEXPLAINED = 0.7  # loss of a row for all starts and ends that stand where none is expected
UNNAMED = 0.1  # loss for a name that is not seen; many are hidden by the trace
REACH_MM = (-16.0, 36.0)  # of a name from the start of its window, along x
REACH_ROWS, REACH_Y_MM = 0.8, 22.0  # along y: of the distance between rows, and at most
STEP_REACH, STEP_TRIAL = 0.04, 0.002  # shares by which columns may be nearer or farther apart, and between trials
PLACE_SPREAD_MM, PLACE_TRIAL_MM = 1.2, 0.1
USUAL_FACTOR = 1.1  # by which the usual width counts more
SEEN_GAP_MM = 2.5  # of blank paper that the marks tell by themselves
USUAL_GAP = 1.06  # times the usual width, up to which what is more is blank paper
EDGE_MM = 2.0  # of the sheet, beyond which nothing is expected
LEFT_OUT = 2.0  # loss for a row as long as the longest that a hypothesis does not explain


@dataclass(frozen=True)
class Row:
    """A row of traces at `y_mm`, seen between `first_mm` and `last_mm`, with the starts and ends near it.

    `seen_mm` is how long it is seen, each millimetre times its probability.
    """

    y_mm: float
    first_mm: float
    last_mm: float
    seen_mm: float
    starts: tuple[Mark, ...]
    ends: tuple[Mark, ...]


@dataclass(frozen=True)
class Hypothesis:
    """`rows` of which the last `strips` are rhythm strips; columns begin at `lefts_mm` and are `wide_mm`.

    `leads` are those of `form`, from the top down and then to the next column. `structure` is what starts and ends
    speak for it, `names` what lead names do, `matched` how many of these are where they should be, of `expected`.
    `rhythm` are the strips' leads, None where no name is seen.
    """

    form: str
    rows: tuple[Row, ...]
    strips: int
    lefts_mm: tuple[float, ...]
    wide_mm: float
    leads: tuple[str, ...]
    structure: float
    names: float = 0.0
    matched: int = 0
    expected: int = 0
    rhythm: tuple[str | None, ...] = ()

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

    def same_page(self, other: "Hypothesis") -> bool:
        """Whether another hypothesis says the same but for some millimetres."""
        return (self.form, self.rows, self.strips, self.leads) == (other.form, other.rows, other.strips, other.leads)


def hypotheses(marks: Marks, size_mm: tuple[float, float], hints: Hints = Hints()) -> list[Hypothesis]:  # noqa: B008
    """All hypotheses that `hints` allow about a sheet of `size_mm`, best first; empty if no row of traces is seen."""
    rows, names = rows_seen(marks), marks.of(*NAMES)
    longest = max((row.seen_mm for row in rows), default=0.0)
    found: list[Hypothesis] = []
    for form, strips, orders in _forms(hints):
        down, across = (int(count) for count in form.split("x"))
        for chosen in _chosen(rows, down + strips):
            left_out = sum((row.seen_mm / longest) ** 2 for row in rows if row not in chosen)
            places = sorted(set(_columns(chosen, strips, across, size_mm)), key=lambda place: -place[2])
            for lefts, wide, structure in places[:TRIED]:
                bare = Hypothesis(form, chosen, strips, lefts, wide, (), structure - LEFT_OUT * left_out)
                found += [_named(replace(bare, leads=leads), names, size_mm) for leads in orders]
    return sorted(found, key=lambda one: -one.score)


def _forms(hints: Hints) -> Iterator[tuple[str, int, tuple[tuple[str, ...], ...]]]:
    """Each form that `hints` allow with its number of strips, and the orders of its leads."""
    wanted = parse_form(hints.layout) if hints.layout else None
    for form, orders in FORMS.items():
        if wanted and form != f"{wanted.rows}x{wanted.columns}":
            continue
        if hints.leads:
            down, across = (int(count) for count in form.split("x"))
            orders = (hints.leads,) if len(hints.leads) == down * across else ()
        for strips in [len(wanted.rhythm)] if wanted else range(MOST_STRIPS[form] + 1):
            if orders:
                yield form, strips, orders


def _chosen(rows: list[Row], count: int) -> Iterator[tuple[Row, ...]]:
    """`count` rows from the top down: neighbours, or all but a few, as a line or a frame may look like a row."""
    if len(rows) - count <= MOST_FALSE_ROWS:
        yield from combinations(rows, count)
    else:
        yield from (tuple(rows[first : first + count]) for first in range(len(rows) - count + 1))


def rows_seen(marks: Marks) -> list[Row]:
    """The rows of traces from the top down."""
    seen = (marks.row * (marks.row > ROW_SEEN)).sum(axis=1) * CELL_MM
    rows: list[Row] = []
    left = seen.copy()
    apart = round(ROWS_APART_MM / CELL_MM)
    while left.max(initial=0.0) > max(ROW_MM / 4, ROW_SHARE / 2 * seen.max()):
        at = int(left.argmax())
        near = slice(max(at - 2, 0), at + 3)  # a row is seen in two cells or three
        y_mm = float((np.arange(len(seen))[near] * seen[near]).sum() / seen[near].sum() + 0.5) * CELL_MM
        along = marks.row[near].max(axis=0)
        along = along * (along > ROW_SEEN)
        length = float(along.sum() * CELL_MM)
        left[max(at - apart, 0) : at + apart + 1] = 0
        if length < ROW_MM:
            continue
        starts, ends = (
            tuple(mark for mark in marks.of(kind) if abs(mark.y_mm - y_mm) < NEAR_ROW_MM) for kind in (START, END)
        )
        first_mm, last_mm = np.searchsorted(np.cumsum(along) / along.sum(), ROW_QUANTILES) * CELL_MM
        rows.append(Row(y_mm, float(first_mm), float(last_mm), length, starts, ends))
    longest = max((row.seen_mm for row in rows), default=0.0)
    return sorted((row for row in rows if row.seen_mm > ROW_SHARE * longest), key=lambda row: row.y_mm)


def _columns(
    rows: Sequence[Row], strips: int, across: int, size_mm: tuple[float, float]
) -> Iterator[tuple[tuple[float, ...], float, float]]:
    """Where `across` columns may begin, how wide they are, and how well starts and ends in `rows` agree."""
    main = rows[: len(rows) - strips]
    begins, stops = _clusters([m for row in rows for m in row.starts]), _clusters([m for row in rows for m in row.ends])
    tried = set()
    if across == 1:
        spans = [(x, end - x, 1) for x, end in product(begins, stops) if end - x > ROW_MM]
    else:
        # Any two boundaries of columns, whichever they are: the first, the last and some between may be unseen.
        bounds = sorted({round(x_mm, 1) for x_mm in (*begins, *stops)})
        spans = [
            (a - k * (b - a) / apart, (b - a) / apart, across)
            for a, b in combinations(bounds, 2)
            for apart in range(1, across + 1)
            for k in range(across + 1 - apart)
            if (b - a) / apart > LEAST_COLUMN_MM
        ]
    for x_mm, step_mm, count in spans:
        key = round(x_mm / 2), round(step_mm)
        if key in tried or x_mm < -0.6 * step_mm or x_mm + (count - 0.5) * step_mm > size_mm[0]:
            continue
        tried.add(key)
        lefts = _refined(main, tuple(x_mm + k * step_mm for k in range(count)))
        wide = _width(main, lefts, step_mm)
        score = sum(_structure(row, lefts, wide, size_mm) for row in main)
        strip = (lefts[0],), lefts[-1] + wide - lefts[0]
        score += sum(_structure(row, *strip, size_mm) for row in rows[len(main) :])
        step = lefts[1] - lefts[0] if across > 1 else wide
        score += USUAL * max(float(np.exp(-0.5 * ((step / usual - 1) / USUAL_WITHIN) ** 2)) for usual in USUAL_MM)
        yield tuple(round(left, 1) for left in lefts), round(wide, 1), round(score, 3)


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


def _refined(rows: Sequence[Row], lefts_mm: tuple[float, ...]) -> tuple[float, ...]:
    """`lefts_mm` on the starts seen near them, evenly spaced: the line that fits them best.

    Where a row shows no start, the end of the window before counts.
    """
    near = [
        (column, mark.x_mm, mark.probability)
        for column, x_mm in enumerate(lefts_mm)
        for row in rows
        for mark in _near(row.starts, x_mm) or (_near(row.ends, x_mm) if column else [])
    ]
    if not near:
        return lefts_mm
    columns, places, weights = np.array(near).T
    if len(set(columns)) < 2:
        shift = float(np.average(places - np.array(lefts_mm)[columns.astype(int)], weights=weights))
        return tuple(x + shift for x in lefts_mm)
    slope, first = np.polyfit(columns, places, 1, w=np.sqrt(weights))
    return tuple(float(first + slope * k) for k in range(len(lefts_mm)))


def _near(marks: Sequence[Mark], x_mm: float) -> list[Mark]:
    return [mark for mark in marks if abs(mark.x_mm - x_mm) < TOGETHER_MM]


def _width(rows: Sequence[Row], lefts_mm: tuple[float, ...], step_mm: float) -> float:
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


def _structure(row: Row, lefts_mm: tuple[float, ...], wide_mm: float, size_mm: tuple[float, float]) -> float:
    """How far the starts and ends of a row speak for windows that begin at `lefts_mm` and are `wide_mm`."""
    inner, right = lefts_mm[1:], lefts_mm[-1] + wide_mm
    both = (*row.starts, *row.ends)
    gaps = len(inner) > 0 and inner[0] - lefts_mm[0] - wide_mm > GAP_MM
    expected = [(row.starts, lefts_mm[0]), (row.ends, right), *((row.starts if gaps else both, x) for x in inner)]
    expected += [(row.ends, x_mm + wide_mm) for x_mm in lefts_mm[:-1] if gaps]
    total = sum(_support(marks, x_mm) - EXPECTED for marks, x_mm in expected if EDGE_MM < x_mm < size_mm[0] - EDGE_MM)
    for seen_mm, x_mm in ((row.first_mm, lefts_mm[0]), (row.last_mm, right)):
        off_mm = abs(seen_mm - np.clip(x_mm, EDGE_MM, size_mm[0] - EDGE_MM))
        total -= OFF * float(np.clip((off_mm - TOGETHER_MM) / (OFF_MM - TOGETHER_MM), 0, 1))
    places = (*lefts_mm, right, *(x_mm + wide_mm for x_mm in lefts_mm[:-1]))
    unexplained = [mark for mark in both if min(abs(mark.x_mm - x_mm) for x_mm in places) > 2 * TOGETHER_MM]
    loss = sum(mark.probability for mark in unexplained if mark.probability > EXPECTED)
    return total - min(loss, MOST_UNEXPLAINED)


def _support(marks: Sequence[Mark], x_mm: float) -> float:
    return max((m.probability * float(np.exp(-0.5 * ((m.x_mm - x_mm) / SPREAD_MM) ** 2)) for m in marks), default=0.0)


# ---- names


@dataclass(frozen=True, order=True)
class _Agreement:
    """How well names agree with those expected: the `total` for them, and how many of `expected` are `matched`."""

    total: float
    matched: int
    expected: int


class _Places:
    """Where windows begin on a sheet of `size_mm`, and the `names` seen there."""

    def __init__(
        self, windows: Sequence[tuple[str, float, float]], names: Sequence[Mark], size_mm: tuple[float, float]
    ):
        self.windows, self.size_mm = windows, size_mm
        self.names = names
        self.at = np.array([(mark.x_mm, mark.y_mm) for mark in names]).reshape(-1, 2)
        self.chance = np.array([mark.probability for mark in names])
        self.same = [np.array([_is_name_of(mark.what, lead) for mark in names], bool) for lead, _, _ in windows]

    def best(self, reach_y_mm: float) -> tuple[_Agreement, tuple[float, float]]:
        """The offset of the names from their windows' starts that agrees best with what is seen."""
        best = self.agreement((0.0, 0.0)), (0.0, 0.0)
        for (_, x_mm, y_mm), same in zip(self.windows, self.same, strict=True):
            for x, y in self.at[same]:
                offset = float(x - x_mm), float(y - y_mm)
                if REACH_MM[0] < offset[0] < REACH_MM[1] and abs(offset[1]) < reach_y_mm:
                    best = max(best, (self.agreement(offset), offset))
        return best

    def agreement(self, offset_mm: tuple[float, float]) -> _Agreement:
        """How well the names agree that lie at `offset_mm` from their windows' starts."""
        total, matched, expected = 0.0, 0, 0
        for (_, x_mm, y_mm), same in zip(self.windows, self.same, strict=True):
            x, y = x_mm + offset_mm[0], y_mm + offset_mm[1]
            if not (EDGE_MM < x < self.size_mm[0] - EDGE_MM and EDGE_MM < y < self.size_mm[1] - EDGE_MM):
                continue
            near = self.chance * np.exp(-0.5 * ((self.at - (x, y)) ** 2).sum(axis=1) / NAME_SPREAD_MM**2)
            own, other = (float(near[which].max(initial=0.0)) for which in (same, ~same))
            total += own - UNNAMED - max(other - own, 0.0)
            matched += own > max(other, UNNAMED)
            expected += 1
        return _Agreement(total, matched, expected)


def _is_name_of(name: str, lead: str) -> bool:
    """Whether a `name` is that of `lead`; of an inverted lead the plain name is, as some machines print it."""
    return name in (lead, lead.removeprefix("-"))


def _named(bare: Hypothesis, names: Sequence[Mark], size_mm: tuple[float, float]) -> Hypothesis:
    """The hypothesis with its names where they fit best: in each column at one offset from the starts.

    Most machines have the same offset in all columns, some do not.
    """
    heights = [row.y_mm for row in bare.rows]
    pitch_mm = min(np.diff(heights), default=REACH_Y_MM)
    reach_y_mm = min(REACH_ROWS * pitch_mm, REACH_Y_MM)
    agreed, offsets = [], []
    for column, left_mm in enumerate(bare.lefts_mm):
        windows = [(lead, left_mm, heights[row]) for lead, row, its in bare.windows() if its == column]
        agreement, offset = _Places(windows, names, size_mm).best(reach_y_mm)
        agreed.append(agreement)
        offsets.append(offset)
    first = offsets[0] if agreed[0].matched else offsets[int(np.argmax([one.matched for one in agreed]))]
    strips, of_strips = _strips(bare, names, first)
    return replace(
        bare,
        rhythm=strips,
        names=sum(one.total for one in agreed) + of_strips,
        matched=sum(one.matched for one in agreed),
        expected=sum(one.expected for one in agreed),
    )


def _strips(
    bare: Hypothesis, names: Sequence[Mark], offset_mm: tuple[float, float]
) -> tuple[tuple[str | None, ...], float]:
    """The lead of each rhythm strip by the name at `offset_mm` from its start, None where none is seen; and how far
    these names speak for the strips."""
    found: list[str | None] = []
    total = 0.0
    for row in bare.rows[len(bare.rows) - bare.strips :]:
        x, y = bare.lefts_mm[0] + offset_mm[0], row.y_mm + offset_mm[1]
        near = [(mark.probability * _nearness(mark, x, y), mark.what) for mark in names if mark.what != INVERTED]
        chance, name = max(near, key=lambda one: one[0] * USUAL_STRIPS.get(one[1], RARE_STRIP), default=(0.0, ""))
        total += chance - NAMELESS_STRIP
        found.append(name if chance > UNNAMED else None)
    return tuple(found), total


def _nearness(mark: Mark, x_mm: float, y_mm: float) -> float:
    return float(np.exp(-0.5 * ((mark.x_mm - x_mm) ** 2 + (mark.y_mm - y_mm) ** 2) / STRIP_NAME_MM**2))


# ---- where columns stand


def placed(best: Hypothesis) -> Hypothesis:
    """The hypothesis with its columns where most starts and ends of its rows are, to a tenth of a millimetre.

    Marks that stand elsewhere do not pull them. Of columns that are a little farther apart than windows usually are
    wide, the windows have the usual width and blank paper between them.
    """
    main = best.rows[: len(best.rows) - best.strips]
    count = len(best.lefts_mm)
    if count == 1:
        left = _middle([mark for row in best.rows for mark in row.starts], best.lefts_mm[0])
        right = _middle([mark for row in best.rows for mark in row.ends], best.right_mm)
        return replace(best, lefts_mm=(left,), wide_mm=right - left)
    step_mm = best.lefts_mm[1] - best.lefts_mm[0]
    gap_mm = step_mm - best.wide_mm if step_mm - best.wide_mm > SEEN_GAP_MM else 0.0
    marks = [(m.x_mm, m.probability) for row in main for m in row.starts]
    marks += [(m.x_mm + gap_mm, m.probability) for row in main for m in row.ends]  # so far before the next start
    at, chance = np.array(marks).reshape(-1, 2).T
    steps = step_mm * (1 + np.arange(-STEP_REACH, STEP_REACH + STEP_TRIAL / 2, STEP_TRIAL))
    steps = np.concatenate([steps, [usual for usual in USUAL_MM if abs(usual / step_mm - 1) < STEP_REACH]])
    firsts = best.lefts_mm[0] + np.arange(-TOGETHER_MM, TOGETHER_MM, PLACE_TRIAL_MM)
    bounds = firsts[:, None, None] + steps[None, :, None] * np.arange(count + 1)
    near = np.exp(-0.5 * ((at - bounds[..., None]) / PLACE_SPREAD_MM) ** 2) * chance
    score = near.sum(axis=(2, 3)) * np.where(np.isin(steps, USUAL_MM), USUAL_FACTOR, 1.0)
    first, step = np.unravel_index(int(score.argmax()), score.shape)
    step_mm = float(steps[step])
    wide_mm = best.wide_mm if step_mm - best.wide_mm > SEEN_GAP_MM else step_mm
    wide_mm = next((usual for usual in USUAL_MM if usual < step_mm < usual * USUAL_GAP), wide_mm)
    if any(abs(step_mm / usual - 1) < USUAL_WITHIN for usual in USUAL_MM):
        wide_mm = step_mm  # no room for blank paper
    return replace(best, lefts_mm=tuple(float(firsts[first] + k * step_mm) for k in range(count)), wide_mm=wide_mm)


def _middle(marks: Sequence[Mark], near_mm: float) -> float:
    """The weighted median place of the marks at about `near_mm`."""
    near = sorted((mark.x_mm, mark.probability) for mark in marks if abs(mark.x_mm - near_mm) < TOGETHER_MM)
    if not near:
        return near_mm
    at, chance = np.array(near).T
    return float(at[np.searchsorted(np.cumsum(chance), chance.sum() / 2)])
