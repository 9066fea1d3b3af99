"""Where the columns of a page may stand, told by where its rows' windows start and end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from ecgpipe.recognize.marks import Mark
from ecgpipe.recognize.rows import ROW_MM, Hypothesis, Row

# None of these was swept. Lengths are mm.
TOGETHER_MM = 4.0  # starts of one column
SPREAD_MM = 2.0  # standard deviation of a start or an end about its place
LEAST_COLUMN_MM = 20.0
EXPECTED = 0.35  # probability from which a mark that is expected speaks for a hypothesis
MOST_UNEXPLAINED = 0.7  # loss of a row for all starts and ends that stand where none is expected
OFF_MM, OFF = 12.0, 1.0  # from a row's end, and loss for columns that begin or end so far or farther from it
USUAL_MM, USUAL_WITHIN, USUAL = (62.5, 125.0, 250.0), 0.015, 2.5  # widths that most windows have, and what that adds
USUAL_APART = 1.5  # ... to columns with blank paper between them
GAP_MM = 1.0  # from which columns have blank paper between them
SEEN_GAP_MM = 2.5  # of blank paper that the marks tell by themselves
USUAL_GAP = 1.06  # times the usual width, up to which what is more is blank paper
STEP_REACH, STEP_TRIAL = 0.04, 0.002  # shares by which columns may be nearer or farther apart, and between trials
PLACE_SPREAD_MM, PLACE_TRIAL_MM = 1.2, 0.1
USUAL_FACTOR = 1.1  # by which the usual width counts more
EDGE_MM = 2.0  # of the sheet, beyond which nothing is expected


def columns(
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
        score += max(USUAL * _usual(step), USUAL_APART * _usual(wide) if step - wide > SEEN_GAP_MM else 0.0)
        yield tuple(round(left, 1) for left in lefts), round(wide, 1), round(score, 3)


def _usual(width_mm: float) -> float:
    """How near a width is to one that most windows have: 1 if it is one."""
    return max(float(np.exp(-0.5 * ((width_mm / usual - 1) / USUAL_WITHIN) ** 2)) for usual in USUAL_MM)


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
    if gaps:  # no window ends where the next one begins
        stops = [x_mm + wide_mm for x_mm in lefts_mm]
        unexplained += [mark for mark in row.ends if _is_nearer(mark, inner, stops)]
        unexplained += [mark for mark in row.starts if _is_nearer(mark, stops, lefts_mm)]
    loss = sum(mark.probability for mark in unexplained if mark.probability > EXPECTED)
    return total - min(loss, MOST_UNEXPLAINED)


def _is_nearer(mark: Mark, places_mm: Sequence[float], others_mm: Sequence[float]) -> bool:
    """Whether a mark stands at one of the places, and not so near to one of the others."""
    off_mm, other_mm = (min(abs(mark.x_mm - x_mm) for x_mm in places) for places in (places_mm, others_mm))
    return off_mm < min(other_mm, TOGETHER_MM)


def _support(marks: Sequence[Mark], x_mm: float) -> float:
    return max((m.probability * float(np.exp(-0.5 * ((m.x_mm - x_mm) / SPREAD_MM) ** 2)) for m in marks), default=0.0)


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
