"""Page geometry of the printed 12-lead ECG, in millimetres of paper.

Origin top left, x to the right, y down. The 5 mm boxes define the millimetre: a print that came out 7 % smaller
still has boxes of 5 mm here. Time runs at 25 mm/s and voltage at 10 mm/mV.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
QUARTER_LEADS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
RHYTHM_LEAD = "II"
DURATION_S = 10.0
QUARTERS = 4

MM_PER_INCH = 25.4
PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 11 * MM_PER_INCH, 8.5 * MM_PER_INCH  # letter, landscape
BOX_MM = 5.0
REFERENCE_PX_PER_MM = 200 / MM_PER_INCH  # ECG-image-kit draws at 200 dpi
# The boxes are counted from the left and bottom edges, and the kit snaps their lines, but not the trace, to the middle
# of a pixel: on average half a pixel right and down. `printed_lines_mm` has each line's own place.
LINE_SNAP_MM = 0.5 / REFERENCE_PX_PER_MM
GRID_LEFT_MM = LINE_SNAP_MM
GRID_TOP_MM = PAGE_HEIGHT_MM % BOX_MM + LINE_SNAP_MM
SPEED_MM_PER_S = 25.0
GAIN_MM_PER_MV = 10.0

SIGNAL_LEFT_MM = 15.0  # t = 0
QUARTER_MM = DURATION_S / QUARTERS * SPEED_MM_PER_S
SIGNAL_RIGHT_MM = SIGNAL_LEFT_MM + DURATION_S * SPEED_MM_PER_S
ROW_PITCH_MM = PAGE_HEIGHT_MM / 6
BASELINES_MM = (*(PAGE_HEIGHT_MM * 5 / 12 + row * ROW_PITCH_MM for row in range(3)), 194.9083)  # 0 mV, last: rhythm
RHYTHM_ROW = 3
# Calibration: 1 mV high, 0.2 s wide, left of each row. Its flanks stand 0.57 px right of 10 and 15 mm (measured).
PULSE_MM = (10.0 + 0.57 / REFERENCE_PX_PER_MM, 15.0 + 0.57 / REFERENCE_PX_PER_MM)
SEPARATOR_WIDTH_MM, SEPARATOR_HEIGHT_MM = 0.72, 7.0


@dataclass(frozen=True)
class Window:
    """One lead's printed stretch: `row` of the page and seconds from t = 0."""

    lead: str
    row: int
    start_s: float
    stop_s: float


def windows() -> tuple[Window, ...]:
    """The 12 short windows by quarter and row, then the rhythm strip (lead II, whole length)."""
    quarter_s = DURATION_S / QUARTERS
    short = tuple(
        Window(lead, row, quarter * quarter_s, (quarter + 1) * quarter_s)
        for quarter, leads in enumerate(QUARTER_LEADS)
        for row, lead in enumerate(leads)
    )
    return (*short, Window(RHYTHM_LEAD, RHYTHM_ROW, 0.0, DURATION_S))


def time_to_mm(t_s: float) -> float:
    """Page x in mm of `t_s` seconds after the start of the recording."""
    return SIGNAL_LEFT_MM + t_s * SPEED_MM_PER_S


@cache
def printed_lines_mm(step_mm: float = BOX_MM) -> tuple[np.ndarray, np.ndarray]:
    """Page x and page y in mm, rising, of the grid lines every `step_mm` as they are printed: snapped to a pixel.

    Up to half a pixel, 0.064 mm or 1.3 samples, off their regular places, and the same on every print.
    """

    def printed(pixel: np.ndarray) -> np.ndarray:
        return (np.rint(pixel) + 0.5) / REFERENCE_PX_PER_MM

    x_mm = np.arange(0.0, PAGE_WIDTH_MM, step_mm)
    up_mm = np.arange(0.0, PAGE_HEIGHT_MM, step_mm)
    lines = printed(x_mm * REFERENCE_PX_PER_MM), printed((PAGE_HEIGHT_MM - up_mm[::-1]) * REFERENCE_PX_PER_MM)
    for line in lines:
        line.flags.writeable = False
    return lines


# The kit's own pixel figures are the check on everything derived above.
_REFERENCE_PX = {
    "px/mV": (GAIN_MM_PER_MV, 78.740),
    "px/s": (SPEED_MM_PER_S, 196.850),
    "box": (BOX_MM, 39.370),
    "t = 0": (time_to_mm(0.0), 118.110),
    "quarter 1": (time_to_mm(2.5), 610.236),
    "quarter 2": (time_to_mm(5.0), 1102.362),
    "quarter 3": (time_to_mm(7.5), 1594.488),
    "end": (SIGNAL_RIGHT_MM, 2086.614),
    "row I": (BASELINES_MM[0], 708.333),
    "row II": (BASELINES_MM[1], 991.667),
    "row III": (BASELINES_MM[2], 1275.000),
    "rhythm": (BASELINES_MM[3], 1534.711),
    "pulse left": (PULSE_MM[0], 79.310),
    "pulse right": (PULSE_MM[1], 118.680),
}
for _name, (_mm, _px) in _REFERENCE_PX.items():
    if abs(_mm * REFERENCE_PX_PER_MM - _px) > 1e-2:
        raise AssertionError(f"layout: {_name} is {_mm * REFERENCE_PX_PER_MM:.3f} px at 200 dpi, expected {_px:.3f}")
