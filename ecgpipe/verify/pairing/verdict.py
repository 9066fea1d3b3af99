"""Does a page show its truth? If not, which fault explains it?

A fault is a change of the truth or the picture which, undone, makes the two agree; so a page that is only read badly is
not said to have one. If no fault explains the difference, the page is suspect only if its reading keeps the limb-lead
laws, so that it surely is what the picture shows. Otherwise the page is unreadable.
"""

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from ecgpipe.competition.dataset import RATES_HZ
from ecgpipe.page.layout import LEADS
from ecgpipe.params import Verify
from ecgpipe.verify.pairing.criteria import CRITERIA
from ecgpipe.verify.pairing.match import (
    LEAD_OF,
    Comparison,
    agreement,
    common_shift,
    compare,
    limb_residual,
    segments_of,
)
from ecgpipe.verify.suspects import SUSPECT

SOUND, UNREADABLE = "sound", "unreadable"

LIMB_LEADS = 6  # the first of LEADS
# Of two of the competition's rates; more extreme ones would leave too little of a segment to compare.
_RATE_RATIOS = sorted({a / b for a in RATES_HZ for b in RATES_HZ if a != b and 0.4 < a / b < 2.5})
_MOST_EVIDENCE = 4  # leads whose figures the evidence spells out


class Figures(TypedDict):
    """Medians over the segments of a page: how its truth lies to its reading."""

    correlation: float
    shift_s: float
    gain: float
    offset_mv: float


@dataclass(frozen=True)
class Verdict:
    """What is said of one page: its `status`, the name of its `fault`, the `leads` that have it (none: all), evidence.

    The figures are medians over segments. `differing` leads are not their truth, for no reason that was found.
    """

    status: str
    fault: str = ""
    leads: tuple[str, ...] = ()
    evidence: str = ""
    correlation: float = np.nan
    shift_s: float = np.nan
    gain: float = np.nan
    offset_mv: float = np.nan
    differing: tuple[str, ...] = ()


def judge(
    truth_mv: np.ndarray, reading_mv: np.ndarray, limits: Verify, *, hidden: float = 0.0, slipped: bool = False
) -> Verdict:
    """The verdict on a truth and a reading, each (12, 10·RATE_HZ) in mV with NaN outside the windows.

    The larger the share `hidden` of the page that shows no grid, the wider are the limits of gain and level. If boxes
    may have `slipped`, leads may come out displaced, so no single lead is said to have a shift or an offset.
    """
    wider = 1 + CRITERIA.widened_by_hidden * hidden
    limits = replace(limits, gain_limit=wider * limits.gain_limit, offset_limit_mv=wider * limits.offset_limit_mv)
    truth, reading = segments_of(truth_mv), segments_of(reading_mv)
    comparison = compare(truth, reading)
    shift = common_shift(comparison.correlation)
    figures = _figures(comparison, shift)
    if figures["correlation"] < CRITERIA.same:
        limb = float(np.median(comparison.correlation[:LIMB_LEADS, shift]))
        return _unlike(truth, reading, limb, limb_residual(reading_mv), figures)
    fault, leads, evidence = (
        _wrong_rate(truth, reading, figures, limits)
        or _fault_of_all(figures, limits)
        or _fault_of_leads(truth, reading, comparison, shift, figures, limits, slipped=slipped)
    )
    absent = comparison.correlation[:, shift] < CRITERIA.absent
    differing = tuple(lead for row, lead in enumerate(LEADS) if lead not in leads and absent[row == LEAD_OF].all())
    return Verdict(SUSPECT if fault else SOUND, fault, leads, evidence, **figures, differing=differing)


def _figures(comparison: Comparison, shift: int) -> Figures:
    """Medians over segments: the correlation at the common shift; shift, gain and offset of clear segments only."""
    each = comparison.correlation.argmax(axis=-1)
    best, together = comparison.at(each), comparison.at(np.full_like(each, shift))
    clear = best.correlation > CRITERIA.clear
    level = together.correlation > CRITERIA.clear
    return {
        "correlation": float(np.median(together.correlation)),
        "shift_s": float(np.median(best.shift_s[clear])) if clear.any() else float(together.shift_s[0]),
        "gain": float(np.median(together.gain[level])) if level.any() else np.nan,
        "offset_mv": float(np.median(together.offset_mv[level])) if level.any() else np.nan,
    }


def _fault_of_all(figures: Figures, limits: Verify) -> tuple[str, tuple[str, ...], str] | None:
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
    truth: np.ndarray, reading: np.ndarray, figures: Figures, limits: Verify
) -> tuple[str, tuple[str, ...], str] | None:
    """A truth whose samples are too near or too far apart in time; looked for only where something is amiss."""
    correlation = figures["correlation"]
    if correlation > CRITERIA.doubtful and abs(figures["shift_s"]) <= limits.shift_limit_s:
        return None
    reached, ratio = _best_rate(truth, reading)
    plain = _agreement_stretched(truth, reading, 1.0)
    if reached < CRITERIA.clear or CRITERIA.better * (1 - reached**2) > 1 - plain**2:
        return None
    evidence = f"correlation {plain:.3f}, {reached:.3f} with samples {ratio:.4f} times as far apart"
    return "wrong rate", (), evidence


def _fault_of_leads(
    truth: np.ndarray,
    reading: np.ndarray,
    comparison: Comparison,
    shift: int,
    page: Figures,
    limits: Verify,
    *,
    slipped: bool,
) -> tuple[str, tuple[str, ...], str]:
    """The first fault that only some leads have; empty if there is none. `slipped` as in `judge`."""
    together = comparison.at(np.full(len(LEAD_OF), shift))
    if fault := _exchanged(truth, reading, shift):
        return fault
    best = comparison.at(comparison.correlation.argmax(axis=-1))
    shrunk = CRITERIA.better * (1 - best.correlation**2) < 1 - together.correlation**2
    late = best.shift_s - page["shift_s"]
    shifted = (best.correlation > CRITERIA.clear) & shrunk & (abs(late) > limits.shift_limit_s)
    clear = together.correlation > CRITERIA.clear
    unlike = comparison.difference[:, shift]
    gain_limit = CRITERIA.single_lead * limits.gain_limit
    offset_limit_mv = CRITERIA.single_lead * limits.offset_limit_mv
    as_noisy = CRITERIA.better * comparison.var_truth[:, shift] * (1 - together.correlation**2)
    rescaled = clear & (unlike > as_noisy) & (unlike > CRITERIA.noticed_mv2)
    tests = {
        "inverted": (together.correlation < -CRITERIA.undone, together.correlation, "correlation {:.3f}"),
        "shifted": (shifted, late, "{:+.3f} s"),
        "scaled": (rescaled & (abs(together.gain - 1) > gain_limit), together.gain, "{:.3f} times"),
        "offset": (clear & (abs(together.offset_mv) > offset_limit_mv), together.offset_mv, "{:+.3f} mV"),
    }
    for name, (wrong, value, words) in tests.items():
        if slipped and name in ("shifted", "offset"):
            continue
        rows = [row for row in range(len(LEADS)) if wrong[row == LEAD_OF].all()]
        if rows:
            said = [f"{LEADS[row]} {words.format(np.median(value[row == LEAD_OF]))}" for row in rows]
            return name, tuple(LEADS[row] for row in rows), _evidence(said)
    return "", (), ""


def _exchanged(truth: np.ndarray, reading: np.ndarray, shift: int) -> tuple[str, tuple[str, ...], str] | None:
    """Leads whose truth fits what the picture shows as another lead far better than what it shows as their own.

    Leads of one heart are alike, so the truth of a lead that is read badly may well fit another lead. So the other lead
    must fit its own truth less well (`Criteria.foreign`), unless the two truths are one.
    """
    count = len(LEADS)
    every = compare(truth[:count, None], reading[None, :count])
    correlation, difference = every.correlation[..., shift], every.difference[..., shift]
    own, shown_as = np.diag(difference), difference.argmin(axis=1)
    least = difference[np.arange(count), shown_as]
    apart = truth[:count] - truth[shown_as]
    one = np.isfinite(apart).any(axis=-1) & (np.abs(np.nan_to_num(apart)) < CRITERIA.one_truth_mv).all(axis=-1)
    moved = (
        (own > CRITERIA.noticed_mv2)
        & (own > CRITERIA.better * least)
        & (correlation[np.arange(count), shown_as] > CRITERIA.undone)
        & np.isfinite(own)
        & (one | (own[shown_as] > CRITERIA.foreign * least))
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


def _unlike(truth: np.ndarray, reading: np.ndarray, limb: float, residual: float, figures: Figures) -> Verdict:
    """The verdict on a page that does not show its truth: does it once a fault of all leads is undone?

    `residual` tells how far the reading breaks the limb-lead laws. They vouch for the limb leads only, so where these
    correlate with their truth by `limb`, the other leads were read badly.
    """
    found = f"correlation {figures['correlation']:.3f}"
    undone = {
        "inverted": lambda: agreement(truth, -reading),
        "reversed in time": lambda: agreement(truth, reading[:, ::-1]),
        "wrong rate": lambda: _best_rate(truth, reading)[0],
    }
    for name, attempt in undone.items():
        if (reached := attempt()) > CRITERIA.undone:
            return Verdict(SUSPECT, name, (), f"{found}, {reached:.3f} once that is undone", **figures)
    if limb > CRITERIA.same:
        return Verdict(UNREADABLE, "", (), f"{found}, but of the limb leads {limb:.3f}", **figures)
    if residual < CRITERIA.limb_residual:
        evidence = f"{found}, though the reading keeps the limb-lead laws (residual {residual:.3f})"
        return Verdict(SUSPECT, "no match", (), evidence, **figures)
    return Verdict(
        UNREADABLE, "", (), f"{found}, and the reading breaks the limb-lead laws (residual {residual:.2f})", **figures
    )


def _best_rate(truth: np.ndarray, reading: np.ndarray) -> tuple[float, float]:
    """The best agreement at any of the ratios of two rates, and that ratio."""
    return max((_agreement_stretched(truth, reading, ratio), ratio) for ratio in _RATE_RATIOS)


def _agreement_stretched(truth: np.ndarray, reading: np.ndarray, ratio: float) -> float:
    """Median correlation, each segment at its own shift, with the truth's samples `ratio` times as far apart."""
    place = np.arange(truth.shape[1]) / ratio
    stretched = np.stack([np.interp(place, np.arange(len(row)), row, right=np.nan) for row in truth])
    return float(np.median(compare(stretched, reading).correlation.max(axis=-1)))


def _evidence(said: list[str]) -> str:
    more = f" and {len(said) - _MOST_EVIDENCE} more" if len(said) > _MOST_EVIDENCE else ""
    return "; ".join(said[:_MOST_EVIDENCE]) + more
