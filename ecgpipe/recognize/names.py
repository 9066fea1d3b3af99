"""How well the lead names seen agree with those that a page should have, and which leads its rhythm strips are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgpipe.recognize.columns import EDGE_MM
from ecgpipe.recognize.marks import INVERTED, Mark
from ecgpipe.recognize.rows import Hypothesis

# None of these was swept. Lengths are mm.
NAME_SPREAD_MM = 4.0  # standard deviation of a name about its place
REACH_MM = (-16.0, 36.0)  # of a name from the start of its window, along x
REACH_ROWS, REACH_Y_MM = 0.8, 45.0  # along y: of the distance between rows, and at most
UNNAMED = 0.1  # loss for a name that is not seen; many are hidden by the trace
STRIP_NAME_MM = 8.0  # standard deviation of a strip's name about the place that the other names let expect
USUAL_STRIPS, RARE_STRIP = {"II": 1.0, "V1": 0.7, "V5": 0.7}, 0.4  # weight of leads as strips
NAMELESS_STRIP = 0.4  # loss for a strip whose name is not seen


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


def named(bare: Hypothesis, names: Sequence[Mark], size_mm: tuple[float, float]) -> Hypothesis:
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
