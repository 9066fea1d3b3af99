"""Which page is on a sheet: every known form is laid over the marks seen, and the one that explains them best is taken.

A hypothesis says how many rows and columns there are, where they stand, and which lead stands in which. It gains by
each start, end and lead name that is where it expects one, and loses by each that is missing or stands against it.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from ecgpipe.page.layout import CABRERA, LEADS
from ecgpipe.recognize.columns import columns
from ecgpipe.recognize.hints import MOST_STRIPS, Hints, parse_form
from ecgpipe.recognize.marks import NAMES, Marks
from ecgpipe.recognize.names import named
from ecgpipe.recognize.rows import Hypothesis, Row, rows_seen

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

# None of these was swept.
CLEARLY_NAMED = 0.7  # share of the names expected, from which a page is beyond doubt
MOST_FALSE_ROWS = 2  # that are left out wherever they are
TRIED = 12  # places of columns whose names are looked at, the best by starts and ends
LEFT_OUT = 2.0  # loss for a row as long as the longest that a hypothesis does not explain


def hypotheses(marks: Marks, size_mm: tuple[float, float], hints: Hints = Hints()) -> list[Hypothesis]:  # noqa: B008
    """All hypotheses that `hints` allow about a sheet of `size_mm`, best first; empty if no row of traces is seen."""
    rows, names = rows_seen(marks), marks.of(*NAMES)
    longest = max((row.seen_mm for row in rows), default=0.0)
    found: list[Hypothesis] = []
    for form, strips, orders in forms_of(hints):
        down, across = (int(count) for count in form.split("x"))
        for chosen in _chosen(rows, down + strips):
            left_out = sum((row.seen_mm / longest) ** 2 for row in rows if row not in chosen)
            places = sorted(set(columns(chosen, strips, across, size_mm)), key=lambda place: -place[2])
            for lefts, wide, structure in places[:TRIED]:
                bare = Hypothesis(form, chosen, strips, lefts, wide, (), structure - LEFT_OUT * left_out)
                found += [named(replace(bare, leads=leads), names, size_mm) for leads in orders]
    return sorted(found, key=lambda one: -one.score)


def forms_of(hints: Hints) -> Iterator[tuple[str, int, tuple[tuple[str, ...], ...]]]:
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
