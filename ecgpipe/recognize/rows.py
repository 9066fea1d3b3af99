"""The rows of traces on a sheet, and what a page may be that has them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgpipe.recognize.marks import CELL_MM, END, START, Mark, Marks

# None of these was swept. Lengths are mm.
ROW_MM = 40.0  # of 0 mV seen along a row, at least
ROW_SHARE = 0.3  # of what is seen along the longest
ROW_SEEN = 0.25  # probability of 0 mV that counts
ROW_QUANTILES = (0.01, 0.99)  # of what is seen, where a row begins and ends
ROWS_APART_MM = 6.0
NEAR_ROW_MM = 5.0  # of a start or end from its row
NAME_WEIGHT = 1.5  # of a name over a start


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
