"""The layout of a drawing: its traces as rows and columns of a known form, named by the words beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgpipe.page.layout import SPEEDS_MM_PER_S, Grid, PageLayout, Pulse, SpeedTold, Window
from ecgpipe.recognize.hints import GAINS_MM_PER_MV, Hints, parse_form
from ecgpipe.recognize.layouts import CLEARLY_NAMED, forms_of
from ecgpipe.recognize.marks import Mark
from ecgpipe.recognize.names import named
from ecgpipe.recognize.rows import Hypothesis, Row
from ecgpipe.recognize.scales import PULSE_OFF, USUAL_GAIN, USUAL_SPEED
from ecgpipe.vector.arrangement import Arrangement, arrangements, heights
from ecgpipe.vector.curves import Curve, DrawnPulse, Trace
from ecgpipe.vector.sampling import at_samples, sampling_of

FS_HZ = 500
# None of these was swept. Lengths are mm.
SAME_CURVE = 0.15  # by which two curves of one lead may differ
USUAL_COLUMNS = 0.1  # share by which four columns of the usual 2.5 s may be off
WHOLE_S, WHOLE_COLUMN, WHOLE_RECORD = 0.5, 0.025, 0.0025  # a length is a multiple of the first, if it is that near


@dataclass(frozen=True)
class Fit:
    """A `layout`, the curve of each of its windows, the share `named` of its leads whose names are where they should
    be, what tells the speed, and what is doubtful."""

    layout: PageLayout
    curves: tuple[Curve, ...]
    named: float
    speed_told: SpeedTold
    doubts: tuple[str, ...]


def fit(
    traces: Sequence[Trace],
    pulses: Sequence[DrawnPulse],
    bars: Sequence[float],
    names: Sequence[Mark],
    text_scales: tuple[set[float], set[float]],
    sheet: tuple[tuple[float, float], Grid],
    hints: Hints,
) -> Fit | None:
    """The one known layout that `traces` have clearly; None where they have none, or it is not clear which.

    `pulses` are drawn apart from the traces, `bars` the x of short upright lines, `text_scales` the speeds and gains
    that texts say, `sheet` its size in mm and its grid.
    """
    pulses = [*pulses, *(pulse for trace in traces for pulse in trace.pulses)]
    likely = sampling_of([trace.recorded for trace in traces], next(iter(text_scales[0]), USUAL_SPEED))
    spacing = likely.spacing_mm if likely else 0.0
    fitted: list[tuple[Arrangement, Hypothesis]] = []
    for form, strips, orders in forms_of(hints):
        for arrangement in arrangements(form, strips, traces, bars, names, spacing):
            heights_mm = heights(arrangement, pulses)
            if heights_mm is None:
                continue
            bare = _hypothesis(arrangement, heights_mm)
            for leads in orders:
                fitted.append((arrangement, named(replace(bare, leads=leads), names, sheet[0])))
    fitted = [one for one in fitted if _is_clear(one[1], names, hints)]
    fitted.sort(key=lambda one: (-one[1].matched / one[1].expected, -one[1].names))
    if not fitted or not (_is_hinted(hints) or _is_best(fitted[0][1], [one for _, one in fitted[1:]])):
        return None
    arrangement, best = fitted[0]
    speed = _speed(best, text_scales[0], hints)
    gain = _gain(text_scales[1], [pulse.high for pulse in pulses], hints)
    if speed is None or gain is None:
        return None
    rhythm, of_rhythm = _rhythm(arrangement, best, hints)
    sampling = sampling_of([curve for row in arrangement.rows for curve in row], speed[0])
    measured = sampling.speed_mm_per_s if sampling else speed[0]
    windows, curves = _windows(arrangement, best, rhythm, measured)
    if sampling is not None:
        curves = tuple(
            at_samples(curve, sampling, window.left_mm) for curve, window in zip(curves, windows, strict=True)
        )
    layout = PageLayout(
        name=str(replace(parse_form(best.form), rhythm=rhythm)),
        width_mm=sheet[0][0],
        height_mm=sheet[0][1],
        speed_mm_per_s=measured,
        gain_mm_per_mv=gain[0],
        baselines_mm=tuple(row.y_mm for row in best.rows),
        windows=windows,
        grid=sheet[1],
        pulses=tuple(Pulse(_row_at(best, pulse), pulse.left, pulse.right) for pulse in pulses),
        timing="sequential" if len(best.lefts_mm) == 1 else "unknown",
    )
    share = best.matched / best.expected
    few = [f"only {best.matched} of {best.expected} lead names were found"] if share < 1 else []
    return Fit(layout, curves, share, speed[1], (*few, *of_rhythm, *gain[1]))


# ---- names


def _hypothesis(arrangement: Arrangement, heights_mm: Sequence[float]) -> Hypothesis:
    lefts, right = arrangement.lefts, arrangement.right
    rows = tuple(Row(y_mm, lefts[0], right, right - lefts[0], (), ()) for y_mm in heights_mm)
    return Hypothesis(arrangement.form, rows, arrangement.strips, lefts, right - lefts[-1], (), 0.0)


def _is_clear(found: Hypothesis, names: Sequence[Mark], hints: Hints) -> bool:
    """Whether names say that a page is this one, and none that it is another: each that is printed stands where it
    should, and none is that of a lead which the page has not."""
    if _is_hinted(hints):
        return found.expected > 0
    leads = {lead.removeprefix("-") for lead in found.leads}
    printed = {mark.what.removeprefix("-") for mark in names}
    strange = printed - leads - {lead for lead in found.rhythm if lead}
    enough = found.matched >= CLEARLY_NAMED * max(found.expected, len(leads))
    return enough and not strange and found.matched >= len(printed & leads)


def _is_hinted(hints: Hints) -> bool:
    """Whether somebody knows which page it is: names need not be readable then."""
    return bool(hints.layout or hints.leads)


def _is_best(best: Hypothesis, others: Sequence[Hypothesis]) -> bool:
    """Whether no other page fits the names as well."""
    return not any(
        one.matched * best.expected >= best.matched * one.expected and one.names > best.names - 1
        for one in others
        if not one.same_page(best)
    )


def _rhythm(arrangement: Arrangement, best: Hypothesis, hints: Hints) -> tuple[tuple[str, ...], list[str]]:
    """The leads of the rhythm strips: by hints, by name, or by the lead that has the same curve; else lead II, with a
    doubt."""
    if hints.form:
        return hints.form.rhythm, []
    leads: list[str] = []
    unknown = 0
    for index, lead in enumerate(best.rhythm, len(best.rows) - best.strips):
        if lead is None or lead in leads:
            lead = next((one for one in _leads_like(arrangement, best, index) if one not in leads), None)
        if lead is None:
            unknown += 1
            lead = next(one for one in ("II", "V1", "V5", "I") if one not in (*leads, *best.rhythm))
        leads.append(lead.removeprefix("-"))
    if not unknown:
        return tuple(leads), []
    if unknown == 1:
        return tuple(leads), ["the rhythm strip's name was not found, it is taken for lead II"]
    return tuple(leads), [f"the name of {unknown} rhythm strips was not found"]


def _leads_like(arrangement: Arrangement, best: Hypothesis, index: int) -> Iterator[str]:
    """The leads whose short curve is that of the strip in row `index`, where it stands above it or at its beginning."""
    (strip,) = arrangement.rows[index]
    for lead, row, column in best.windows():
        curve = arrangement.rows[row][column]
        x = np.arange(curve.left + 1, curve.right - 1, 0.1)
        for shift in {0.0, arrangement.lefts[column] - arrangement.lefts[0]}:
            apart = strip.at(x - shift) - curve.at(x)
            if len(x) and np.isfinite(apart).all() and np.ptp(apart) < 2 * SAME_CURVE:
                yield lead
                break


# ---- scales and times


def _speed(best: Hypothesis, said: set[float], hints: Hints) -> tuple[float, SpeedTold] | None:
    """The speed in mm/s, and what tells it; None where texts say several, or one that no machine has."""
    if hints.speed_mm_per_s:
        return hints.speed_mm_per_s, "hint"
    if said:
        (value, *others) = said
        return None if others or value not in SPEEDS_MM_PER_S else (value, "text")
    usual = 2.5 * USUAL_SPEED
    lefts = best.lefts_mm
    four = len(lefts) == 4 and abs((lefts[1] - lefts[0]) / usual - 1) < USUAL_COLUMNS
    return USUAL_SPEED, "columns" if four else "nothing"


def _gain(said: set[float], heights_mm: Sequence[float], hints: Hints) -> tuple[float, list[str]] | None:
    """The gain in mm/mV, and what is doubtful about it; None where pulses or texts differ among each other."""
    drawn = {gain for gain in GAINS_MM_PER_MV for high in heights_mm if abs(high / gain - 1) < PULSE_OFF}
    if hints.gain_mm_per_mv:
        return hints.gain_mm_per_mv, []
    if len(drawn) > 1 or (len(said) > 1 and not drawn) or not said <= set(GAINS_MM_PER_MV):
        return None
    if drawn:
        (value,) = drawn
        if said and said != drawn:
            printed = ", ".join(f"{gain:g}" for gain in sorted(said))
            return value, [f"the pulses are {np.median(heights_mm):.1f} mm high, but {printed} mm/mV is printed"]
        return value, []
    if said:
        return next(iter(said)), []
    return USUAL_GAIN, [f"no gain was found on the page, {USUAL_GAIN:g} mm/mV is assumed"]


def _windows(
    arrangement: Arrangement, best: Hypothesis, rhythm: Sequence[str], speed: float
) -> tuple[tuple[Window, ...], tuple[Curve, ...]]:
    """The windows in page time, a column begins where the paper has it, and the curve of each."""
    lefts, found, curves = arrangement.lefts, [], []
    ends = arrangement.right - lefts[-1]
    if len(lefts) == 1:
        step_s, wide_s = 0.0, _whole(ends / speed, WHOLE_RECORD)
    else:
        step_s = _whole((lefts[-1] - lefts[0]) / (len(lefts) - 1) / speed, WHOLE_COLUMN)
        wide_s = min(_whole(ends / speed, WHOLE_COLUMN), step_s)
    for lead, row, column in best.windows():
        sign = -1.0 if lead.startswith("-") else 1.0
        found.append(Window(lead.removeprefix("-"), row, lefts[column], column * step_s, wide_s, sign))
        curves.append(arrangement.rows[row][column])
    length_s = step_s * (len(lefts) - 1) + wide_s
    for row, lead in enumerate(rhythm, len(best.rows) - len(rhythm)):
        found.append(Window(lead, row, lefts[0], 0.0, length_s))
        curves.append(arrangement.rows[row][0])
    return tuple(found), tuple(curves)


def _whole(seconds: float, within: float) -> float:
    """`seconds`, or the multiple of WHOLE_S that is as good as that; else as many whole samples as begin in them."""
    whole = round(seconds / WHOLE_S) * WHOLE_S
    if whole and abs(seconds / whole - 1) < within:
        return whole
    return (int(seconds * FS_HZ) + 1) / FS_HZ


def _row_at(best: Hypothesis, pulse: DrawnPulse) -> int:
    return int(np.argmin([abs(row.y_mm - pulse.foot) for row in best.rows]))
