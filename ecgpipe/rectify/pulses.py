"""The gain of a page, told by its calibration pulses: 1 mV is as high as they are."""

import numpy as np

from ecgpipe.page.layout import Pulse
from ecgpipe.rectify.frames import Frame

GAINS_MM_PER_MV = (5.0, 10.0, 20.0)  # what ECG machines print
INSIDE_MM, BESIDE_MM = 1.0, (4.5, 1.0)  # left out at a pulse's flanks; from and to, left of it, where there is none
LEAST_BESIDE = 0.5  # share of the columns beside a pulse that the picture must show
REACH_MM, FOOT_MM = 24.0, 2.0  # a pulse's top is looked for from so far above 0 mV to so near
# Darkness of the top over the scatter elsewhere. Set by 26 real pages in evened light: 2.3 to 35 on the 23 that have
# pulses, up to 6 at places that disagree on the three that have none. Not swept in the frame's own light, as used here.
LEAST_CLEAR = 2.0
OFF_MM = 0.4  # from its height at which a pulse still has a gain; the widest seen on real pages is 0.2
LEAST_PULSES = 3  # that must agree
AS_DARK = 0.6  # of the darkest line, from which the lowest is the top: the row above may have a pulse too; not swept
_NOISE, _PEAK_PX = 5.0, 6  # grey levels of scatter that any picture has; what of the profile belongs to the top


def printed_gain(frame: Frame) -> float | None:
    """Gain in mm/mV that the calibration pulses of `frame` tell; None if too few of them are seen, or they disagree.

    The frame's layout says where pulses stand; its own gain does not matter.
    """
    heights_mm = pulse_heights_mm(frame)
    for gain in GAINS_MM_PER_MV:
        if sum(abs(height - gain) < OFF_MM for height in heights_mm) >= LEAST_PULSES:
            return gain
    return None


def pulse_heights_mm(frame: Frame) -> list[float]:
    """How high above 0 mV the tops of the layout's pulses lie in `frame`, of those that are seen clearly."""
    return [height for pulse in frame.spec.layout.pulses if (height := _height_mm(frame, pulse)) is not None]


def _height_mm(frame: Frame, pulse: Pulse) -> float | None:
    """How high above 0 mV the top of a pulse lies; None where it is not seen clearly.

    Lines of the grid cross the pulse as they cross the paper beside it, so the difference of both is the pulse.
    """
    layout, spec = frame.spec.layout, frame.spec
    zero = layout.baselines_mm[pulse.row]
    rows = slice(max(round((zero - REACH_MM) * spec.px_per_mm_y), 0), round((zero - FOOT_MM) * spec.px_per_mm_y))
    inside, beside = (
        slice(round(left * spec.px_per_mm_x), round(right * spec.px_per_mm_x))
        for left, right in (
            (pulse.left_mm + INSIDE_MM, pulse.right_mm - INSIDE_MM),
            (pulse.left_mm - BESIDE_MM[0], pulse.left_mm - BESIDE_MM[1]),
        )
    )
    if inside.start < 0 or inside.stop <= inside.start or beside.stop <= 0:
        return None
    shown = np.all(frame.inside[rows], axis=0)
    left = np.flatnonzero(shown[max(beside.start, 0) : beside.stop]) + max(beside.start, 0)
    if len(left) < LEAST_BESIDE * (beside.stop - beside.start) or not shown[inside].all():
        return None
    ink, paper = (255.0 - np.median(frame.rgb[rows, columns].max(axis=2), axis=1) for columns in (inside, left))
    profile = np.convolve(ink - paper, np.ones(3) / 3, "same")
    if profile.max() <= 0:
        return None
    lowest = max(int(np.flatnonzero(profile > AS_DARK * profile.max())[-1]) - _PEAK_PX, 0)
    top = lowest + int(profile[lowest:].argmax())
    rest = np.delete(profile, slice(max(top - _PEAK_PX, 0), top + _PEAK_PX + 1))
    if profile[top] < LEAST_CLEAR * (rest.std() + _NOISE):
        return None
    return zero - (rows.start + top) / spec.px_per_mm_y
