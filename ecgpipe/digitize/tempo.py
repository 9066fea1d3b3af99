"""Whether a page runs at twice the speed that was assumed, told by its heart beats: QRS complexes then seem twice as
wide, and beats twice as far apart, as hearts make them."""

from dataclasses import replace

import numpy as np

from ecgpipe.page.layout import PageLayout, SpeedTold, Window
from ecgpipe.signals import smoothed
from ecgpipe.trace.reader import Traces

FS_HZ = 500.0
# Weights of the logarithms of the features below, and a constant: logistic regression on PTB-XL's records as they are
# and at half their speed (examples.tempo). Of 1,000 records each, 0.8 % of the former and 91 % of the
# latter exceed 0.9.
WEIGHTS, CONSTANT = (14.66, 6.743, -2.815), 37.885
USUAL = 25.0  # mm/s
LIKELY_USUAL, LIKELY_SLOW, VERY_SLOW = 0.3, 0.8, 0.95  # probabilities of half the speed; not swept
# A page of so many columns that is longer at the usual speed is more likely of twice that: fewer may be simultaneous.
# Not swept.
LEAST_COLUMNS, LONGEST_S = 3, 15.0
LEAST_S = 1.8  # of a stretch, of which rhythm can be told
SLOPE_S, ENERGY_S = 0.004, 0.010  # standard deviations of the smoothing of signal and of energy
BEATS_S = (0.25, 2.5)  # between two beats
HIGH, TOP = 0.3, 0.995  # share of the quantile TOP of the energy, above which it is a QRS complex's


def slow_chance(traces: Traces) -> float | None:
    """The probability that `traces` were printed at twice the speed of their layout; None where no beats are told."""
    found = [tempo for stretch in _stretches(traces) if (tempo := features(stretch)) is not None]
    if not found:
        return None
    logit = float(np.median(np.log(found), axis=0) @ np.array(WEIGHTS) + CONSTANT)
    return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def features(leads_mv: np.ndarray) -> tuple[float, float, float] | None:
    """Of simultaneous `leads_mv` (leads, n) at 500 Hz, in seconds: how wide bursts of steepness are (half the width of
    their autocorrelation), how far beats are apart, and how long a beat is steep.

    None for a flat or a short stretch.
    """
    if leads_mv.shape[1] < LEAST_S * FS_HZ:
        return None
    slope = np.diff(smoothed(leads_mv, SLOPE_S * FS_HZ), axis=1)
    energy = smoothed(np.sqrt(np.square(slope).mean(axis=0)), ENERGY_S * FS_HZ)
    centred = energy - energy.mean()
    correlation = np.correlate(centred, centred, "full")[len(centred) - 1 :]
    if correlation[0] < 1e-12:
        return None
    correlation = correlation / correlation[0]
    width_s = float(np.argmax(correlation < 0.5)) / FS_HZ
    first, last = (round(seconds * FS_HZ) for seconds in BEATS_S)
    apart_s = (first + int(np.argmax(correlation[first : min(last, len(correlation) - 1)]))) / FS_HZ
    steep = float((energy > HIGH * np.quantile(energy, TOP)).mean())
    return max(width_s, 1 / FS_HZ), apart_s, max(steep, 1e-3) * apart_s


def at_their_tempo(traces: Traces, told: SpeedTold) -> tuple[Traces, list[str]]:
    """`traces` at the speed that their beats tell, unless more than a text has `told` it; and what is doubtful.

    A text of 50 mm/s is easily read as the usual 25, which is also what is guessed where there is none; the other way
    round is rare. Four columns of 62.5 mm are mostly of 2.5 s.
    """
    speed = traces.layout.nominal_speed_mm_per_s
    if speed != USUAL or told == "hint":
        return traces, []
    chance = slow_chance(traces)
    if told == "columns":
        slow = chance is not None and chance > VERY_SLOW
        return traces, [
            f"the beats are slow and wide for {speed:g} mm/s, which the columns' width tells"
        ] if slow else []
    too_long = traces.layout.columns >= LEAST_COLUMNS and traces.layout.printed_s > LONGEST_S
    likely = LIKELY_USUAL if too_long else LIKELY_SLOW
    if chance is not None and chance > (VERY_SLOW if told == "text" else likely):
        said = f"{speed:g} mm/s seems to be printed" if told == "text" else "no speed was found on the page"
        return _halved_in_time(traces), [f"{said}, {2 * speed:g} mm/s is told by the beats"]
    if told == "text":
        slow = chance is not None and chance > LIKELY_SLOW
        return traces, [f"the beats are slow and wide for {speed:g} mm/s"] if slow else []
    fits = ", which fits the beats" if chance is not None and chance < LIKELY_USUAL else ""
    if too_long:
        fits = f", though the page is {traces.layout.printed_s:.0f} s long then"
    return traces, [f"no speed was found on the page, {speed:g} mm/s is assumed{fits}"]


def _halved_in_time(traces: Traces) -> Traces:
    """`traces` of a page that was read at half its speed, as it should have been."""
    layout = traces.layout
    windows = tuple(_halved(window) for window in layout.windows)
    return Traces(
        np.ascontiguousarray(traces.mv[:, ::2]),
        np.ascontiguousarray(traces.sigma_mv[:, ::2]),
        replace(layout, speed_mm_per_s=2 * layout.speed_mm_per_s, windows=windows),
    )


def _halved(window: Window) -> Window:
    return replace(window, start_s=window.start_s / 2, duration_s=window.duration_s / 2)


def _stretches(traces: Traces) -> list[np.ndarray]:
    """The windows (leads, n) that lie below each other, where all of them were read."""
    layout: PageLayout = traces.layout
    total = traces.mv.shape[1]
    found = []
    for place in sorted({(window.left_mm, window.duration_s) for window in layout.windows}):
        together = [window for window in layout.windows if (window.left_mm, window.duration_s) == place]
        parts = [traces.mv[window.row, layout.printed_samples(window, total)] for window in together]
        stack = np.stack([part[: min(map(len, parts))] for part in parts]).astype(np.float64)
        known = np.isfinite(stack).all(axis=0)
        if known.any():
            found.append(stack[:, known])
    return found
