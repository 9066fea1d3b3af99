"""How the traces of a drawing stand: which are rows, where their columns begin, and where their 0 mV are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ecgpipe.recognize.marks import Mark
from ecgpipe.vector.curves import Curve, DrawnPulse, Trace
from ecgpipe.vector.texts import is_known

# None of these was swept. Lengths are mm.
WHOLE_ROW = 0.8  # share of the page's traces' width from which a trace runs through all columns
TOGETHER = 2.0  # by which the beginnings of one column may differ
EVEN = 0.02  # share by which columns may be unevenly apart
CUT = 1.0  # by which a separator may be off the place of a column's beginning
NAME_CUT = 1.5  # by which names may be unevenly placed in their columns, where these are told by nothing else
APART = 3.0  # between two rows at least
CLOSE_ROWS = 0.35  # share of the usual distance of rows, at least between two
OFF_ROW = 0.6  # share of the distance of rows by which a trace's median may be off its row


@dataclass(frozen=True)
class Arrangement:
    """`rows` of curves from left to right, the last `strips` of them through all columns; columns begin at `lefts` and
    the last ends at `right`."""

    form: str
    rows: tuple[tuple[Curve, ...], ...]
    strips: int
    lefts: tuple[float, ...]
    right: float


def arrangements(
    form: str, strips: int, traces: Sequence[Trace], bars: Sequence[float], names: Sequence[Mark], spacing: float
) -> Iterator[Arrangement]:
    """The ways in which all `traces`, whose samples are `spacing` apart, may be rows and columns of `form`: at most
    one."""
    down, across = (int(count) for count in form.split("x"))
    left, right = min(trace.left for trace in traces), max(trace.right for trace in traces)
    whole = [trace for trace in traces if trace.wide > WHOLE_ROW * (right - left)]
    parts = [trace for trace in traces if trace.wide <= WHOLE_ROW * (right - left)]
    whole.sort(key=lambda trace: trace.recorded.level)
    if max(trace.left for trace in whole) - left > TOGETHER if whole else False:
        return
    if not parts and len(whole) == down + strips:
        lefts = _cuts(whole[:down], across, left, right + spacing, bars, names)
        if lefts is None:
            return
        if spacing:
            lefts = [left + round((x - left) / spacing) * spacing for x in lefts]
        ends = [*(x - spacing for x in lefts[1:]), right]
        rows = [
            tuple(trace.curve.cut(*bounds) for bounds in zip(lefts, ends, strict=True))
            if across > 1
            else (_from(trace, left),)
            for trace in whole[:down]
        ]
        rows += [(_from(trace, left),) for trace in whole[down:]]
        yield Arrangement(form, tuple(rows), strips, tuple(lefts), right)
    if parts and across > 1 and len(whole) == strips and len(parts) == down * across:
        columns = _columns(parts, across)
        if columns is None or any(len(column) != down for column in columns):
            return
        lefts = [min(trace.left for trace in column) for column in columns]
        lefts[0] = left if lefts[0] - left < TOGETHER else lefts[0]
        steps = np.diff(lefts)
        if np.ptp(steps) > EVEN * steps.mean() or max(trace.wide for trace in parts) > (1 + EVEN) * steps.mean():
            return
        rows = [tuple(_from(column[row], lefts[k]) for k, column in enumerate(columns)) for row in range(down)]
        rows += [(_from(trace, left),) for trace in whole]
        yield Arrangement(form, tuple(rows), strips, tuple(lefts), max(trace.right for trace in parts))


def _from(trace: Trace, left: float) -> Curve:
    """What a trace recorded, from `left` on where a pulse's foot runs into it."""
    return trace.curve.cut(left, trace.right) if trace.pulses else trace.curve


def _columns(parts: Sequence[Trace], across: int) -> list[list[Trace]] | None:
    """Traces that begin together, from the top down, from left to right; None where these are not `across`."""
    columns: list[list[Trace]] = []
    for trace in sorted(parts, key=lambda trace: trace.left):
        if not columns or trace.left - columns[-1][0].left > TOGETHER:
            columns.append([])
        columns[-1].append(trace)
    if len(columns) != across:
        return None
    return [sorted(column, key=lambda trace: trace.recorded.level) for column in columns]


def _cuts(
    rows: Sequence[Trace], across: int, left: float, right: float, bars: Sequence[float], names: Sequence[Mark]
) -> list[float] | None:
    """Where the columns of rows that are drawn in one begin: at even distances, if separators or names say so too."""
    lefts = [left + k * (right - left) / across for k in range(across)]
    if across == 1:
        return lefts
    if max(trace.left for trace in rows) - left > TOGETHER or right - min(trace.right for trace in rows) > TOGETHER:
        return None
    near = [[x for x in bars if abs(x - place) < CUT] for place in lefts[1:]]
    if all(near):
        return [left, *(float(np.median(found)) for found in near)]
    return lefts if any(_evenly_named(names, lefts, right, share) for share in (0.0, 0.5)) else None


def _evenly_named(names: Sequence[Mark], lefts: Sequence[float], right: float, share: float) -> bool:
    """Whether names stand at one place in all columns, by their left edges (`share` 0) or their middles (0.5)."""
    bounds = [*lefts, right]
    places = []
    for left, stop in pairwise(bounds):
        at = [mark.x_mm + (share - 0.5) * mark.wide_mm for mark in names if is_known(mark) and left < mark.x_mm < stop]
        if not at:
            return False
        places.append(float(np.median(at)) - left)
    return bool(np.ptp(places) < NAME_CUT)


def heights(arrangement: Arrangement, pulses: Sequence[DrawnPulse]) -> tuple[float, ...] | None:
    """The y of 0 mV of each row: the foot of its pulse, else the median of its traces; None where rows are not told
    apart."""
    levels = np.array([float(np.median([curve.level for curve in row])) for row in arrangement.rows])
    pitch = float(np.median(np.diff(levels))) if len(levels) > 1 else np.inf
    for index in range(len(levels)):
        feet = [pulse.foot for pulse in pulses if abs(pulse.foot - levels[index]) < min(pitch / 2, 2 * pitch)]
        own = [foot for foot in feet if int(np.argmin(np.abs(levels - foot))) == index]
        if own:
            levels[index] = float(np.median(own))
    apart = np.diff(levels)
    if len(apart) and (apart.min() < APART or apart.min() < CLOSE_ROWS * np.median(apart)):
        return None
    off = [abs(curve.level - level) for row, level in zip(arrangement.rows, levels, strict=True) for curve in row]
    return tuple(map(float, levels)) if max(off) < OFF_ROW * pitch else None
