"""Page geometry of the printed 12-lead ECG, in millimetres of paper.

Origin top left, x to the right, y down. The 5 mm boxes define the millimetre: a print that came out 7 % smaller
still has boxes of 5 mm here. Time runs at 25 mm/s and voltage at 10 mm/mV.
"""

from dataclasses import dataclass

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
QUARTER_LEADS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
RHYTHM_LEAD = "II"
DURATION_S = 10.0
QUARTERS = 4

MM_PER_INCH = 25.4
PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 11 * MM_PER_INCH, 8.5 * MM_PER_INCH  # letter, landscape
BOX_MM = 5.0
# The boxes are counted from the left and bottom edges, and the kit snaps their lines, but not the trace, to the middle
# of a 200 dpi pixel: on average half a pixel right and down.
LINE_SNAP_MM = 0.5 / (200 / MM_PER_INCH)
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
PULSE_MM = (10.0, 15.0)  # calibration: 1 mV high, 0.2 s wide, left of each row
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


# ECG-image-kit draws this page at 200 dpi; its pixel figures are the check on everything derived above.
REFERENCE_PX_PER_MM = 200 / MM_PER_INCH
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
    "pulse left": (PULSE_MM[0], 78.740),
    "pulse right": (PULSE_MM[1], 118.110),
}
for _name, (_mm, _px) in _REFERENCE_PX.items():
    if abs(_mm * REFERENCE_PX_PER_MM - _px) > 1e-2:
        raise AssertionError(f"layout: {_name} is {_mm * REFERENCE_PX_PER_MM:.3f} px at 200 dpi, expected {_px:.3f}")
