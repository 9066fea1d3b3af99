"""Where the rows of a page begin and end on the paper, to a tenth of a millimetre, told by their ink.

The marks say it to a millimetre or two. What lies between the ends of a row is as long as the machine says, so that the
ends tell where columns meet, and how many millimetres of the grid a second has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgpipe.page.layout import PageLayout, Window
from ecgpipe.rectify.frames import Frame

# None of these was swept. Lengths are mm.
REACH_MM = {1: 2.0, -1: 3.0}  # from where the marks have a beginning, or an end, to either side
HIGH_MM = 7.0  # above and below 0 mV in which ink near an end is looked for
LEAST_SHARE = 0.35  # of the ink's darkness inside, by which it must be paler outside
LEAST_DARK = 12.0  # grey levels of a trace that is seen
AGREE_MM = 0.35  # median deviation of rows' ends that agree
LEAST_OFF, MOST_OFF = 0.012, 0.03  # share by which a print must, and may, be off its nominal speed to be told
# Share by which rows must, and may, be longer than whole seconds for the print to be taken as so much larger than its
# grid, and how long they must be. Rows that are a little shorter say nothing: records often end some samples early.
LEAST_LONGER, MOST_LONGER, LEAST_LONG_MM = 0.0005, 0.005, 120.0
LINE_MM = 0.15  # the width of a trace's line: ink reaches half of it beyond either end
GAP_MM = 1.0  # between columns that are apart
WHOLE_S, NEAR_S = 0.5, 0.1  # a strip is a multiple of the first, if it is that near


@dataclass(frozen=True)
class _Ends:
    """Where rows begin and end; None where too few of them agree."""

    left_mm: float | None
    right_mm: float | None


def with_measured_ends(frame: Frame) -> PageLayout:
    """The layout of `frame` with its columns and rhythm strips between the ends of ink, and the speed that follows."""
    layout = frame.spec.layout
    main = [row for row in range(layout.rows) if len(layout.row_windows(row)) == layout.columns]
    strips = [row for row in range(layout.rows) if row not in main]
    ends = _ends(frame, main)
    columns = layout.row_windows(main[0])
    lefts_mm, wide_mm = _columns(columns, ends, layout.speed_mm_per_s)
    follow = _follow(columns, lefts_mm, wide_mm)
    if not follow:
        lefts_mm = [_left_mm(frame, main, column.left_mm, left) for column, left in zip(columns, lefts_mm, strict=True)]
    of_strips = _ends(frame, strips) if strips else _Ends(None, None)
    speed = _speed(columns, lefts_mm, wide_mm, ends, layout.speed_mm_per_s) if follow else layout.speed_mm_per_s
    if speed == layout.speed_mm_per_s:
        unbroken = [ends] if follow else []
        speed = _longer([*unbroken, of_strips], speed)
    place = {column.left_mm: left for column, left in zip(columns, lefts_mm, strict=True)}
    windows = []
    for window in layout.windows:
        if window.row in main:
            left = place[window.left_mm]
            windows.append(replace(window, left_mm=left, start_s=_start_s(window, left - lefts_mm[0], speed, layout)))
        else:
            windows.append(_strip(window, of_strips, lefts_mm[0], speed, layout.speed_mm_per_s))
    return replace(layout, windows=tuple(windows), speed_mm_per_s=speed)


def _start_s(window: Window, from_first_mm: float, speed: float, layout: PageLayout) -> float:
    """When a column begins: as before where columns follow each other closely, else where the paper has it."""
    before_mm = window.start_s * layout.speed_mm_per_s
    moved = abs(from_first_mm / speed - window.start_s) > GAP_MM / speed
    return from_first_mm / speed if moved and before_mm else window.start_s


def _columns(columns: Sequence[Window], ends: _Ends, speed: float) -> tuple[list[float], float]:
    """Where columns begin, and how wide the last one is, between the ends that are known."""
    lefts = [column.left_mm for column in columns]
    wide = columns[0].duration_s * speed
    first = lefts[0] if ends.left_mm is None else ends.left_mm
    step = lefts[1] - lefts[0] if len(lefts) > 1 else wide
    if step - wide > GAP_MM:
        if ends.left_mm is None and ends.right_mm is not None:
            first = ends.right_mm - wide - step * (len(lefts) - 1)
        return [first + step * k for k in range(len(lefts))], wide
    if ends.right_mm is not None:
        if ends.left_mm is None:
            first = ends.right_mm - step * len(lefts)
        step = (ends.right_mm - first) / len(lefts)
    return [first + step * k for k in range(len(lefts))], step


def _left_mm(frame: Frame, rows: Sequence[int], seen_mm: float, even_mm: float) -> float:
    """Where a column begins that has blank paper before it: where the ink of `rows` does near `seen_mm`, if they agree,
    else at `even_mm`. A grid drawn anew for each column has it elsewhere than even steps do."""
    places = [_end_mm(frame, frame.spec.layout.baselines_mm[row], seen_mm, 1) for row in rows]
    own = _agreed([place for place in places if place is not None], len(rows))
    return even_mm if own is None else own


def _speed(columns: Sequence[Window], lefts_mm: Sequence[float], wide_mm: float, ends: _Ends, nominal: float) -> float:
    """The speed in mm of the grid a second, where both ends of rows of whole half seconds are known."""
    total_s = columns[0].duration_s * len(columns)
    if None in (ends.left_mm, ends.right_mm) or columns[0].duration_s % WHOLE_S:
        return nominal
    measured = (lefts_mm[-1] + wide_mm - lefts_mm[0]) / total_s
    return measured if LEAST_OFF < abs(measured / nominal - 1) < MOST_OFF else nominal


def _follow(columns: Sequence[Window], lefts_mm: Sequence[float], wide_mm: float) -> bool:
    """Whether each column begins where the one before ends."""
    return len(columns) == 1 or lefts_mm[1] - lefts_mm[0] - wide_mm <= GAP_MM


def _longer(unbroken: Sequence[_Ends], nominal: float) -> float:
    """The speed in mm of the grid a second where `unbroken` rows are a little longer than whole seconds are."""
    for ends in unbroken:
        if ends.left_mm is None or ends.right_mm is None:
            continue
        long_mm = ends.right_mm - ends.left_mm - LINE_MM
        seconds = round(long_mm / nominal / WHOLE_S) * WHOLE_S
        if long_mm > LEAST_LONG_MM and LEAST_LONGER < long_mm / (seconds * nominal) - 1 < MOST_LONGER:
            return long_mm / seconds
    return nominal


def _strip(window: Window, ends: _Ends, first_mm: float, speed: float, before: float) -> Window:
    """A rhythm strip between its own ends, those that are known."""
    left = first_mm if ends.left_mm is None else ends.left_mm
    seconds = window.duration_s * before / speed if ends.right_mm is None else (ends.right_mm - left) / speed
    whole = round(seconds / WHOLE_S) * WHOLE_S
    seconds = whole if abs(seconds - whole) < NEAR_S else round(500 * seconds) / 500
    return replace(window, left_mm=left, duration_s=seconds)


def _ends(frame: Frame, rows: Sequence[int]) -> _Ends:
    """The ends on which `rows` agree."""
    layout = frame.spec.layout
    found: tuple[list[float], list[float]] = ([], [])
    for row in rows:
        windows = layout.row_windows(row)
        right_mm = windows[-1].left_mm + windows[-1].duration_s * layout.speed_mm_per_s
        for places, x_mm, inwards in ((found[0], windows[0].left_mm, 1), (found[1], right_mm, -1)):
            end_mm = _end_mm(frame, layout.baselines_mm[row], x_mm, inwards)
            if end_mm is not None:
                places.append(end_mm)
    return _Ends(*(_agreed(places, len(rows)) for places in found))


def _agreed(places_mm: Sequence[float], count: int) -> float | None:
    """The median of the places, if most of `count` rows have one and most of these are near it."""
    if not places_mm or 2 * len(places_mm) <= count:
        return None
    middle = float(np.median(places_mm))
    near = [place for place in places_mm if abs(place - middle) < AGREE_MM]
    return float(np.mean(near)) if 2 * len(near) > count else None


def _end_mm(frame: Frame, zero_mm: float, x_mm: float, inwards: int) -> float | None:
    """Where the ink of a trace ends near `x_mm`, to the right of which it lies if `inwards` is 1, to the left if -1.

    Lines of the grid are as dark outside as inside, and a vertical one darkens its whole column.
    """
    spec = frame.spec
    rows = slice(*(max(round((zero_mm + side) * spec.px_per_mm_y), 0) for side in (-HIGH_MM, HIGH_MM)))
    first = round((x_mm - REACH_MM[inwards]) * spec.px_per_mm_x)
    last = round((x_mm + REACH_MM[inwards]) * spec.px_per_mm_x)
    if first < 0 or last > frame.rgb.shape[1] or not frame.inside[rows, first:last].all():
        return None
    dark = 255.0 - frame.rgb[rows, first:last].max(axis=2)
    if inwards < 0:
        dark = dark[:, ::-1]
    outside = dark[:, : dark.shape[1] // 4]
    dark = dark - np.median(outside, axis=1, keepdims=True)
    ink = np.maximum((dark - np.median(dark, axis=0)).max(axis=0), 0.0)
    edge = _step(ink)
    if edge is None:
        return None
    at = edge if inwards > 0 else len(ink) - edge
    return (first + at) / spec.px_per_mm_x


def _step(ink: np.ndarray) -> int | None:
    """Where `ink` (n,) rises once, by least squares; None where it does not rise clearly."""
    count = np.arange(1, len(ink))
    before, total = np.cumsum(ink)[:-1], ink.sum()
    low, high = before / count, (total - before) / (len(ink) - count)
    gain = count * (len(ink) - count) * np.square(np.maximum(high - low, 0.0))
    at = int(gain.argmax())
    if high[at] < LEAST_DARK or low[at] > (1 - LEAST_SHARE) * high[at]:
        return None
    return at + 1
