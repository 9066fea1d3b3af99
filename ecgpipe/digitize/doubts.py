"""Whether a reading is of the page that it was taken for, told from the reading itself.

A page of another layout can look like the expected one: its rows are then cut at the wrong places, and what is read is
smooth, certain and wrong. But an ECG cannot contradict itself. A lead that is printed twice must look the same in both
places, and the limb leads obey Einthoven's and Goldberger's laws in every column that shows three of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.layout import LEADS, Window
from ecgpipe.rectify.quality import Quality
from ecgpipe.signals import LIMB_LAWS
from ecgpipe.trace.reader import Traces

# Of 34 real pages read right the least certain had 0.086, of 60 others 0.044; ten wrong ones had 0.020 to 0.039.
LEAST_CERTAINTY = 0.042
# Correlation of a lead's two windows: right pages 0.989 and more, two wrong ones 0.23 and 0.49.
LEAST_CORRELATION = 0.8
# Power that breaks a limb-lead law over the power of its leads: right pages up to 0.062, wrong ones 0.19 to 1.6.
MOST_LAW_RESIDUAL = 0.15
PROVEN = 0.1  # up to which both laws prove that the limb leads are where they were taken to be
OF_LAWS = "that its leads are those of this layout is told by the laws of the limb leads"
MOST_SLIPPED = 0.2  # share of the page that may be a box out of place; not swept
MOST_LAG_S = 0.04  # by which the two windows of a lead may be printed apart
MOST_LEVEL_MV = 0.4  # of a row's median: right pages up to 0.11
FLAT_MV = 0.03  # a lead that moves by less over its window shows no heart
LOST_MV, MOST_LOST = 0.3, 0.02  # standard error of a sample that was lost, and a lead's share that may be; not swept
UNSURE_MV, MOST_UNSURE = 0.1, 0.1  # standard error of a sample from which it is unsure, and the share that may be
# Share of unsure samples that no reading has: of forms with nothing recorded on them all are, of small pictures 0.16.
ILLEGIBLE = 0.5
FLAT_QUANTILES = (0.01, 0.99)  # of a window about its straight line, between which a recorded lead moves


@dataclass(frozen=True)
class Checked:
    """Traces whose layout is what they show, and in words what remains doubtful about them.

    They are `lawful` unless the limb leads break their laws.
    """

    traces: Traces
    warnings: tuple[str, ...]
    lawful: bool


def check_traces(traces: Traces, sigma_mv: np.ndarray) -> None:
    """PageNotFound where `traces` are none: a form with nothing recorded on it, or with flat lines."""
    unsure = _unsure_share(sigma_mv)
    if unsure > ILLEGIBLE:
        raise PageNotFound(
            f"a grid, but no traces on it that can be read ({unsure:.0%} of the samples are unsure by more than "
            f"{UNSURE_MV:g} mV); expected a 12-lead ECG"
        )
    moved = [_moved_mv(_stretch(traces, window)) for window in traces.layout.windows]
    known = [value for value in moved if np.isfinite(value)]
    if known and np.median(known) < FLAT_MV:
        raise PageNotFound(
            f"a grid and rows on it, but flat ones (most leads move by less than {FLAT_MV:g} mV); expected heart beats"
        )


def checked(traces: Traces, sigma_mv: np.ndarray, quality: Quality, *, layout_known: bool = False) -> Checked:
    """`traces`, less windows that are proven not to show their lead; `sigma_mv` (12, n) are the series' errors.

    Raises PageNotFound where two signs say that the page is another one, unless `layout_known`.
    """
    broken = [(law, residual) for law, residual in _law_residuals(traces) if residual > MOST_LAW_RESIDUAL]
    differing = [(window, found) for window, found in _repeated(traces) if found < LEAST_CORRELATION]
    signs = [f"limb leads break {law} by {residual:.0%} of their power" for law, residual in broken]
    signs += [
        f"the strip of lead {window.lead} differs from its short window (correlation {found:.2f})"
        for window, found in differing
    ]
    if quality.certainty < LEAST_CERTAINTY and not layout_known:
        signs.append(f"what is printed about its traces hardly tells this page (certainty {quality.certainty:.3f})")
    if len(signs) > 1 and not layout_known:
        raise PageNotFound(
            f"a grid and traces, but not the page that was expected ({traces.layout.name}): {'; '.join(signs)}"
        )
    if differing and not broken and not layout_known:  # the strip is another lead's, the rest is in order
        strips = {window for window, _ in differing}
        kept = tuple(window for window in traces.layout.windows if window not in strips)
        traces = replace(traces, layout=replace(traces.layout, windows=kept, names=()))
        signs.append("what was taken for a strip is left out")
    return Checked(traces, (*signs, *_of_geometry(quality), *_oddities(traces, sigma_mv)), not broken)


def _of_geometry(quality: Quality) -> Iterator[str]:
    """What makes it doubtful that traces lie where the map has them."""
    if quality.slipped_share > MOST_SLIPPED:
        yield f"{quality.slipped_share:.0%} of the page may lie a box of the grid out of place"


def limb_leads_proven(traces: Traces) -> bool:
    """Whether `traces` show by the laws of the limb leads that these are the rows and columns of their layout.

    The laws also hold with I and III exchanged and with aVR, aVL and aVF in any order, all of them negated: upside down
    in a mirror, for instance. That aVF less aVR is one and a half times II does not hold there: II must be printed at
    the same time as these two, beside them or as a strip.
    """
    residuals = list(_law_residuals(traces))
    lawful = len({law for law, _ in residuals}) == len(LIMB_LAWS) and all(off < PROVEN for _, off in residuals)
    return lawful and _order_residual(traces) < PROVEN


def _order_residual(traces: Traces) -> float:
    """How far II breaks the law by which aVF less aVR is one and a half times II; infinite where they cannot be
    compared."""
    windows = traces.layout.lead_windows
    right, foot, two = (windows[lead] for lead in ("aVR", "aVF", "II"))
    if not _same_time(right, foot) or not two.start_s <= right.start_s < right.stop_s <= two.stop_s:
        return np.inf
    first = round((right.start_s - two.start_s) * traces.mv.shape[1] / traces.layout.printed_s)
    parts = [_stretch(traces, right), -_stretch(traces, foot), 1.5 * _stretch(traces, two)[first:]]
    count = min(map(len, parts))
    stack = np.stack([part[:count] for part in parts])
    stack = stack[:, np.isfinite(stack).all(axis=0)]
    if stack.shape[1] <= count / 2:
        return np.inf
    stack = stack - stack.mean(axis=1, keepdims=True)
    return float(np.square(stack.sum(axis=0)).sum() / np.square(stack).sum())


def _law_residuals(traces: Traces) -> Iterator[tuple[str, float]]:
    """For each limb-lead law and place where all its leads were printed at once, how far they break it."""
    for law in LIMB_LAWS:
        windows = [[w for w in traces.layout.windows if w.lead == lead] for lead in law]
        for first in windows[0]:
            together = [window for some in windows for window in some if _same_time(window, first)]
            if len(together) != len(law):
                continue
            parts = [law[window.lead] * _centred(_stretch(traces, window)) for window in together]
            count = min(map(len, parts))
            stack = np.stack([part[:count] for part in parts])
            shared = np.isfinite(stack).all(axis=0)
            power = float(np.square(stack[:, shared]).sum())
            if shared.mean() > 0.5 and power > 0:
                left, right = (" + ".join(lead for lead, s in law.items() if s == sign) for sign in (1, -1))
                yield f"{left} = {right or 0}", float(np.square(stack[:, shared].sum(axis=0)).sum()) / power


def _repeated(traces: Traces) -> Iterator[tuple[Window, float]]:
    """Each longest window of a lead that has a shorter one at the same time, and their correlation at the best lag."""
    layout = traces.layout
    fs_hz = traces.mv.shape[1] / layout.printed_s
    for window in layout.windows:
        longest = layout.lead_windows[window.lead]
        if window is longest or not longest.start_s <= window.start_s < longest.stop_s:
            continue
        short, long = _stretch(traces, window), _stretch(traces, longest)
        offset = round((window.start_s - longest.start_s) * fs_hz)
        reach = round(MOST_LAG_S * fs_hz)
        found = [_correlation(short, long, offset + lag) for lag in range(-reach, reach + 1)]
        known = [value for value in found if np.isfinite(value)]
        if known:
            yield longest, max(known)


def _oddities(traces: Traces, sigma_mv: np.ndarray) -> Iterator[str]:
    """What may be wrong with single leads and rows."""
    for window in traces.layout.windows:
        part = _stretch(traces, window)
        known = part[np.isfinite(part)]
        if not known.size:
            yield f"lead {window.lead} is printed but was not read"
        elif np.ptp(known) < FLAT_MV:
            yield f"lead {window.lead} is flat"
    for row in range(traces.layout.rows):
        known = traces.mv[row][np.isfinite(traces.mv[row])]
        if known.size and abs(np.median(known)) > MOST_LEVEL_MV:
            yield f"row {row + 1} lies {np.median(known):+.2f} mV off its place"
    for lead, lead_sigma_mv in zip(LEADS, sigma_mv, strict=True):
        known = lead_sigma_mv[np.isfinite(lead_sigma_mv)]
        lost = float((known > LOST_MV).mean()) if known.size else 0.0
        if lost > MOST_LOST:
            yield f"lead {lead} is unsure by more than {LOST_MV:g} mV in {lost:.0%} of its samples"
    unsure = _unsure_share(sigma_mv)
    if unsure > MOST_UNSURE:
        yield f"{unsure:.0%} of the samples are unsure by more than {UNSURE_MV:g} mV"


def _unsure_share(sigma_mv: np.ndarray) -> float:
    known = sigma_mv[np.isfinite(sigma_mv)]
    return float((known > UNSURE_MV).mean()) if known.size else 1.0


def _moved_mv(part: np.ndarray) -> float:
    """How far a trace (n,) moves about the straight line through it; NaN where too little of it is known."""
    at = np.flatnonzero(np.isfinite(part))
    if len(at) < len(part) / 2:
        return float("nan")
    known = part[at]
    low, high = np.quantile(known - np.polyval(np.polyfit(at, known, 1), at), FLAT_QUANTILES)
    return float(high - low)


def _stretch(traces: Traces, window: Window) -> np.ndarray:
    """The trace of one window (n,) in mV, less its first and last 20 ms, where other ink is near."""
    part = traces.layout.printed_samples(window, traces.mv.shape[1])
    edge = round(0.02 * traces.mv.shape[1] / traces.layout.printed_s)
    stretch = traces.mv[window.row, part].astype(np.float64) / window.gain_ratio
    stretch[:edge] = stretch[len(stretch) - edge :] = np.nan
    return stretch


def _same_time(one: Window, other: Window) -> bool:
    return (one.start_s, one.duration_s) == (other.start_s, other.duration_s)


def _centred(part: np.ndarray) -> np.ndarray:
    return part - (np.nanmean(part) if np.isfinite(part).any() else 0.0)


def _correlation(short: np.ndarray, long: np.ndarray, offset: int) -> float:
    """Correlation of `short` with what lies `offset` samples into `long`; NaN where too little of both is known."""
    first = max(-offset, 0)
    count = min(len(short) - first, len(long) - offset - first)
    one, other = short[first : first + count], long[offset + first : offset + first + count]
    shared = np.isfinite(one) & np.isfinite(other)
    if shared.sum() < len(short) / 2:
        return float("nan")
    one, other = one[shared], other[shared]
    if min(one.std(), other.std()) < FLAT_MV / 10:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
