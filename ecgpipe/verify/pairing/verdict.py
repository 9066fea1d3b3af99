"""Does a page show its truth? If not, the one change of the truth or the picture after which it does gives the name.

Nothing is named because a page is read badly: a fault is what, undone, makes the two agree. A page on which nothing
does is suspect only if its reading keeps the limb-lead laws, so that it is surely what the picture shows; else it is
unreadable.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ecgpipe.competition.dataset import RATES_HZ
from ecgpipe.page.layout import LEADS
from ecgpipe.params import Verify
from ecgpipe.verify.pairing.match import LEAD_OF, Comparison, agreement, common_shift, compare, limb_residual
from ecgpipe.verify.pairing.match import stretches as cut
from ecgpipe.verify.suspects import SUSPECT

SOUND, UNREADABLE = "sound", "unreadable"

SAME = 0.7  # median correlation from which page and truth belong together
CLEAR = 0.95  # correlation of a stretch from which its shift, gain and offset are measured
DOUBTFUL = 0.97  # median correlation below which a slightly wrong rate is looked for
UNDONE = 0.9  # median correlation that undoing a fault must reach
BETTER = 4.0  # times by which the difference must shrink when a fault of one lead is undone
LAWFUL = 0.1  # limb-lead residual below which a reading is surely right
NOTICED_MV2 = 0.02**2  # difference of a lead from its truth below which there is nothing to explain
FOREIGN = 2.0  # times by which a lead's own truth must differ more from it than the truth that it is said to show
ONE_MV = 0.001  # two truths that differ by less everywhere are one
HIDDEN_COUNTS = 3.0  # a page without a third of its grid may be off by twice as much
LIMB_LEADS = 6  # the first of LEADS
ABSENT = 0.5  # correlation below which a lead is not its truth
_RATIOS = sorted({a / b for a in RATES_HZ for b in RATES_HZ if a != b and 0.4 < a / b < 2.5})
_MOST_EVIDENCE = 4  # leads whose figures the evidence spells out


@dataclass(frozen=True)
class Verdict:
    """Of one page: status, the name of the fault, its leads (none: all), figures (medians over leads), the evidence."""

    status: str
    fault: str = ""
    leads: tuple[str, ...] = ()
    evidence: str = ""
    correlation: float = np.nan
    shift_s: float = np.nan
    gain: float = np.nan
    offset_mv: float = np.nan
    differing: tuple[str, ...] = ()  # leads that are not their truth for no reason that was found


def judge(
    truth_mv: np.ndarray, reading_mv: np.ndarray, limits: Verify, *, hidden: float = 0.0, slipped: bool = False
) -> Verdict:
    """The verdict on a truth and a reading, each (12, 10·RATE_HZ) in mV with NaN outside the windows.

    Where a share `hidden` of the page shows no grid, its gain and level are the less certain. Where boxes may have
    `slipped`, so that leads come out beside their places, no lead is said to be shifted in its truth.
    """
    wider = 1 + HIDDEN_COUNTS * hidden
    limits = replace(limits, gain_limit=wider * limits.gain_limit, offset_limit_mv=wider * limits.offset_limit_mv)
    truth, reading = cut(truth_mv), cut(reading_mv)
    comparison = compare(truth, reading)
    shift = common_shift(comparison.correlation)
    figures = _figures(comparison, shift)
    if figures["correlation"] < SAME:
        limb = float(np.median(comparison.correlation[:LIMB_LEADS, shift]))
        return _unlike(truth, reading, limb, limb_residual(reading_mv), figures)
    fault, leads, evidence = (
        _wrong_rate(truth, reading, figures, limits)
        or _fault_of_all(figures, limits)
        or _fault_of_leads(truth, reading, comparison, shift, figures, limits, beside=slipped)
    )
    absent = comparison.correlation[:, shift] < ABSENT
    differing = tuple(lead for row, lead in enumerate(LEADS) if lead not in leads and absent[row == LEAD_OF].all())
    return Verdict(SUSPECT if fault else SOUND, fault, leads, evidence, **figures, differing=differing)


def _figures(comparison: Comparison, shift: int) -> dict[str, float]:
    """Medians over stretches: correlation at the common shift, over the clear ones shift, gain and offset."""
    each = comparison.correlation.argmax(axis=-1)
    best, together = comparison.at(each), comparison.at(np.full_like(each, shift))
    clear = best.correlation > CLEAR
    level = together.correlation > CLEAR
    return {
        "correlation": float(np.median(together.correlation)),
        "shift_s": float(np.median(best.shift_s[clear])) if clear.any() else float(together.shift_s[0]),
        "gain": float(np.median(together.gain[level])) if level.any() else np.nan,
        "offset_mv": float(np.median(together.offset_mv[level])) if level.any() else np.nan,
    }


def _fault_of_all(figures: dict[str, float], limits: Verify) -> tuple[str, tuple[str, ...], str] | None:
    """A shift, gain or offset that all leads have in common."""
    shift_s, gain, offset_mv = figures["shift_s"], figures["gain"], figures["offset_mv"]
    if abs(shift_s) > limits.shift_limit_s:
        side = "later" if shift_s > 0 else "earlier"
        return "shifted", (), f"the truth is {abs(shift_s):.3f} s {side} than the picture shows it"
    if abs(gain - 1) > limits.gain_limit:
        return "scaled", (), f"the truth is {gain:.3f} times what the picture shows"
    if abs(offset_mv) > limits.offset_limit_mv:
        return "offset", (), f"the truth lies {offset_mv:+.3f} mV from what the picture shows"
    return None


def _wrong_rate(
    truth: np.ndarray, reading: np.ndarray, figures: dict[str, float], limits: Verify
) -> tuple[str, tuple[str, ...], str] | None:
    """A truth that drifts away within each window; looked for only where something is amiss."""
    correlation = figures["correlation"]
    if correlation > DOUBTFUL and abs(figures["shift_s"]) <= limits.shift_limit_s:
        return None
    reached, ratio = _best_rate(truth, reading)
    plain = _agreement_stretched(truth, reading, 1.0)
    if reached < CLEAR or BETTER * (1 - reached**2) > 1 - plain**2:
        return None
    evidence = f"correlation {plain:.3f}, {reached:.3f} with samples {ratio:.4f} times as far apart"
    return "wrong rate", (), evidence


def _fault_of_leads(
    truth: np.ndarray,
    reading: np.ndarray,
    comparison: Comparison,
    shift: int,
    page: dict[str, float],
    limits: Verify,
    *,
    beside: bool,
) -> tuple[str, tuple[str, ...], str]:
    """The first fault that only some leads have; empty if there is none. Leads may come out `beside` their places."""
    together = comparison.at(np.full(len(LEAD_OF), shift))
    if fault := _exchanged(truth, reading, shift):
        return fault
    best = comparison.at(comparison.correlation.argmax(axis=-1))
    shrunk = BETTER * (1 - best.correlation**2) < 1 - together.correlation**2
    late = best.shift_s - page["shift_s"]
    steady = together.correlation > CLEAR
    unlike = comparison.difference[:, shift]
    as_noisy = BETTER * comparison.var_truth[:, shift] * (1 - together.correlation**2)
    rescaled = steady & (unlike > as_noisy) & (unlike > NOTICED_MV2)
    tests = {
        "inverted": (together.correlation < -UNDONE, together.correlation, "correlation {:.3f}"),
        "shifted": ((best.correlation > CLEAR) & shrunk & (abs(late) > limits.shift_limit_s), late, "{:+.3f} s"),
        # of one lead alone gain and offset are less certain than of all
        "scaled": (rescaled & (abs(together.gain - 1) > 2 * limits.gain_limit), together.gain, "{:.3f} times"),
        "offset": (steady & (abs(together.offset_mv) > 2 * limits.offset_limit_mv), together.offset_mv, "{:+.3f} mV"),
    }
    for name, (wrong, value, words) in tests.items():
        if beside and name in ("shifted", "offset"):
            continue
        rows = [row for row in range(len(LEADS)) if wrong[row == LEAD_OF].all()]
        if rows:
            said = [f"{LEADS[row]} {words.format(np.median(value[row == LEAD_OF]))}" for row in rows]
            return name, tuple(LEADS[row] for row in rows), _evidence(said)
    return "", (), ""


def _exchanged(truth: np.ndarray, reading: np.ndarray, shift: int) -> tuple[str, tuple[str, ...], str] | None:
    """Leads whose truth is what the picture shows as another lead, far better than as their own.

    Leads of one heart are alike: where one is read badly, its truth may well fit what is shown as another. So the other
    must not be its own truth's as much, unless the two truths are one.
    """
    count = len(LEADS)
    every = compare(truth[:count, None], reading[None, :count])
    correlation, difference = every.correlation[..., shift], every.difference[..., shift]
    own, shown_as = np.diag(difference), difference.argmin(axis=1)
    least = difference[np.arange(count), shown_as]
    apart = truth[:count] - truth[shown_as]
    one = np.isfinite(apart).any(axis=-1) & (np.abs(np.nan_to_num(apart)) < ONE_MV).all(axis=-1)
    moved = (
        (own > NOTICED_MV2)
        & (own > BETTER * least)
        & (correlation[np.arange(count), shown_as] > UNDONE)
        & np.isfinite(own)
        & (one | (own[shown_as] > FOREIGN * least))
    )
    for row in np.flatnonzero(moved):  # the other of a pair may be too noisy to tell by itself
        partner = shown_as[row]
        if difference[partner, row] < own[partner]:
            moved[partner], shown_as[partner] = True, row
    rows = np.flatnonzero(moved)
    if len(rows) == 0:
        return None
    said = [
        f"the truth of {LEADS[row]} is what the picture shows as {LEADS[shown_as[row]]} "
        f"(correlation {correlation[row, shown_as[row]]:.3f}, its own {correlation[row, row]:.3f})"
        for row in rows
    ]
    name = "exchanged leads" if set(shown_as[rows]) == set(rows) else "copied lead"
    return name, tuple(LEADS[row] for row in rows), _evidence(said)


def _unlike(truth: np.ndarray, reading: np.ndarray, limb: float, residual: float, figures: dict[str, Any]) -> Verdict:
    """The verdict on a page that does not show its truth: is it the truth once something is undone?

    The laws vouch for the limb leads only: where these correlate with their truth (`limb`), the rest was read badly.
    """
    found = f"correlation {figures['correlation']:.3f}"
    undone = {
        "inverted": lambda: agreement(truth, -reading),
        "reversed in time": lambda: agreement(truth, reading[:, ::-1]),
        "wrong rate": lambda: _best_rate(truth, reading)[0],
    }
    for name, attempt in undone.items():
        if (reached := attempt()) > UNDONE:
            return Verdict(SUSPECT, name, (), f"{found}, {reached:.3f} once that is undone", **figures)
    if limb > SAME:
        return Verdict(UNREADABLE, "", (), f"{found}, but of the limb leads {limb:.3f}", **figures)
    if residual < LAWFUL:
        evidence = f"{found}, though the reading keeps the limb-lead laws (residual {residual:.3f})"
        return Verdict(SUSPECT, "no match", (), evidence, **figures)
    return Verdict(
        UNREADABLE, "", (), f"{found}, and the reading breaks the limb-lead laws (residual {residual:.2f})", **figures
    )


def _best_rate(truth: np.ndarray, reading: np.ndarray) -> tuple[float, float]:
    """The best agreement of all ratios of two of the competition's rates, and that ratio."""
    return max((_agreement_stretched(truth, reading, ratio), ratio) for ratio in _RATIOS)


def _agreement_stretched(truth: np.ndarray, reading: np.ndarray, ratio: float) -> float:
    """Median correlation, each stretch at its own shift, with the truth's samples `ratio` times as far apart."""
    place = np.arange(truth.shape[1]) / ratio
    stretched = np.stack([np.interp(place, np.arange(len(row)), row, right=np.nan) for row in truth])
    return float(np.median(compare(stretched, reading).correlation.max(axis=-1)))


def _evidence(said: list[str]) -> str:
    more = f" and {len(said) - _MOST_EVIDENCE} more" if len(said) > _MOST_EVIDENCE else ""
    return "; ".join(said[:_MOST_EVIDENCE]) + more
