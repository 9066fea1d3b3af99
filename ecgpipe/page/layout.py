"""What a printed 12-lead ECG looks like: which lead stands where on the paper, and when it was recorded.

A `PageLayout` is a value that is handed on with the page it describes; no other module holds numbers of a layout. All
places are millimetres of paper: origin top left, x to the right, y down. The grid's boxes of 5 mm define the
millimetre, so a print that came out 7 % smaller still has boxes of 5 mm here.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")  # the limb leads by the angle that they look from, aVR inverted
Timing = Literal["sequential", "simultaneous", "unknown"]
LeadOrder = Literal["standard", "cabrera"]

BOX_MM = 5.0  # between two heavy lines of the grid
MM_PER_INCH = 25.4
# What tells the speed of a page that was not expected.
SpeedTold = Literal["hint", "columns", "text", "nothing"]
SPEEDS_MM_PER_S = (12.5, 25.0, 50.0, 100.0)  # that machines print at
ROUNDING = 1e-6  # samples; a sum of seconds that close below a whole sample counts as whole


def slice_of(start_s: float, stop_s: float, duration_s: float, samples: int) -> slice:
    """The samples from `start_s` to `stop_s` among `samples` of `duration_s`, both ends rounded down.

    The one rule by which a stretch of time becomes samples; it is the competition's own, and gives the quarters of
    10250 samples 2562, 2563, 2562 and 2563.
    """
    start, stop = (int(t_s / duration_s * samples + ROUNDING) for t_s in (start_s, stop_s))
    return slice(start, stop)


@dataclass(frozen=True)
class Window:
    """One lead's printed stretch of trace.

    It stands in printed `row` (0 is the top one), its first sample at page x `left_mm`; it was recorded from `start_s`
    on for `duration_s`. Its gain is `gain_ratio` times the page's; negative where the lead is printed upside down, as
    aVR is in Cabrera's order.
    """

    lead: str
    row: int
    left_mm: float
    start_s: float
    duration_s: float
    gain_ratio: float = 1.0

    @property
    def stop_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse of 1 mV in printed `row`, its flanks at page x `left_mm` and `right_mm`.

    It is `gain_ratio` times as high as the page's gain says, and has a foot of `foot_mm` on 0 mV at either side.
    """

    row: int
    left_mm: float
    right_mm: float
    gain_ratio: float = 1.0
    foot_mm: float = 0.0


@dataclass(frozen=True)
class Separator:
    """A bar between two windows of printed `row`: its centre at page x `x_mm` and `offset_mm` below 0 mV.

    Ticks above and below the trace, and dashed lines, are several bars at one x.
    """

    row: int
    x_mm: float
    width_mm: float
    height_mm: float
    offset_mm: float = 0.0


@dataclass(frozen=True)
class Text:
    """`words` printed from page x `left_mm` on, `width_mm` wide, standing on the line at page y `base_mm`."""

    left_mm: float
    base_mm: float
    words: str
    width_mm: float


@dataclass(frozen=True)
class Grid:
    """The heavy lines every 5 mm: the first ones at `left_mm` and `top_mm`, `columns` vertical and `rows` horizontal
    ones.

    A grid whose outer lines lie within a box of the sheet's edges runs on to them; any other ends there.
    """

    left_mm: float
    top_mm: float
    columns: int
    rows: int


@dataclass(frozen=True)
class PageLayout:
    """Everything that is the same on all pages that one maker prints in one way.

    `baselines_mm` is the page y of 0 mV by printed row. `names` has the lead's name of each window, in their order.
    `snap_dpi` is the resolution to whose pixels the page's program rounds the lines of its grid (but not its traces);
    None where no such pattern is known. `timing` says whether the columns were recorded one after another, as a page of
    one column counts too, or at the same time; where that is known the windows' `start_s` say the same.
    """

    name: str
    width_mm: float
    height_mm: float
    speed_mm_per_s: float
    gain_mm_per_mv: float
    baselines_mm: tuple[float, ...]
    windows: tuple[Window, ...]
    grid: Grid
    pulses: tuple[Pulse, ...] = ()
    separators: tuple[Separator, ...] = ()
    names: tuple[Text, ...] = ()
    texts: tuple[Text, ...] = ()
    snap_dpi: float | None = None
    timing: Timing = "sequential"

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the sheet."""
        return self.width_mm, self.height_mm

    @property
    def nominal_speed_mm_per_s(self) -> float:
        """The speed that the machine was set to: of SPEEDS_MM_PER_S the one nearest to what was measured."""
        return min(SPEEDS_MM_PER_S, key=lambda speed: abs(np.log(self.speed_mm_per_s / speed)))

    @property
    def rows(self) -> int:
        """How many rows of traces are printed."""
        return len(self.baselines_mm)

    @cached_property
    def columns(self) -> int:
        """How many windows stand side by side in the fullest row."""
        return max(len(self.row_windows(row)) for row in range(self.rows))

    @cached_property
    def left_mm(self) -> float:
        """Page x at which the first window begins."""
        return min(window.left_mm for window in self.windows)

    @cached_property
    def right_mm(self) -> float:
        """Page x at which the last window ends."""
        return max(window.left_mm + window.duration_s * self.speed_mm_per_s for window in self.windows)

    @cached_property
    def duration_s(self) -> float:
        """Length of the recording that the page shows, in seconds."""
        return max(window.stop_s for window in self.windows)

    @property
    def printed_s(self) -> float:
        """Seconds of paper from the left end of the first window to the right end of the last."""
        return (self.right_mm - self.left_mm) / self.speed_mm_per_s

    @cached_property
    def lead_windows(self) -> dict[str, Window]:
        """The longest window of each printed lead: its rhythm strip, if it has one."""
        longest: dict[str, Window] = {}
        for window in self.windows:
            if window.lead not in longest or window.duration_s > longest[window.lead].duration_s:
                longest[window.lead] = window
        return longest

    @cached_property
    def lead_order(self) -> LeadOrder:
        """Whether the limb leads, from the top down and then to the next column, come in Cabrera's order.

        Rhythm strips do not count. Of a page that shows a few limb leads these must be in that order, with -aVR among
        them.
        """
        shortest: dict[str, Window] = {}
        for window in self.windows:
            if window.lead not in shortest or window.duration_s < shortest[window.lead].duration_s:
                shortest[window.lead] = window
        placed = sorted(shortest.values(), key=lambda window: (window.left_mm, window.row))
        printed = [f"{'-' * (window.gain_ratio < 0)}{window.lead}" for window in placed]
        limb = [lead for lead in printed if lead.removeprefix("-") in LEADS[:6]]
        cabrera = [lead for lead in CABRERA if lead in limb]
        return "cabrera" if "-aVR" in limb and limb == cabrera else "standard"

    def row_windows(self, row: int) -> tuple[Window, ...]:
        """The windows of a printed row, from left to right."""
        return tuple(sorted((w for w in self.windows if w.row == row), key=lambda window: window.left_mm))

    def samples(self, window: Window, total: int) -> slice:
        """The samples of `window` in a series of `total` samples over the whole recording."""
        return slice_of(window.start_s, window.stop_s, self.duration_s, total)

    def printed_samples(self, window: Window, total: int) -> slice:
        """The samples of `window` in a trace of `total` samples along its printed row, from `left_mm` on."""
        start_s = (window.left_mm - self.left_mm) / self.speed_mm_per_s
        return slice_of(start_s, start_s + window.duration_s, self.printed_s, total)

    def row_separators(self, row: int) -> tuple[Separator, ...]:
        """The separators of a printed row."""
        return tuple(separator for separator in self.separators if separator.row == row)

    def row_pulses(self, row: int) -> tuple[Pulse, ...]:
        """The calibration pulses of a printed row."""
        return tuple(pulse for pulse in self.pulses if pulse.row == row)

    def x_mm(self, window: Window, t_s: np.ndarray | float) -> np.ndarray | float:
        """Page x of what was recorded `t_s` seconds after the start of the recording."""
        return window.left_mm + (t_s - window.start_s) * self.speed_mm_per_s

    def y_mm(self, window: Window, mv: np.ndarray | float) -> np.ndarray | float:
        """Page y of `mv` millivolts."""
        return self.baselines_mm[window.row] - mv * self.gain_mm_per_mv * window.gain_ratio

    def snapped_mm(self, x_mm: float) -> float:
        """Page x of a separator that the page's program was asked to draw at `x_mm`."""
        if self.snap_dpi is None:
            return x_mm
        px_per_mm = self.snap_dpi / MM_PER_INCH
        return float(np.rint(x_mm * px_per_mm) / px_per_mm)

    def lines_mm(self, step_mm: float = BOX_MM) -> tuple[np.ndarray, np.ndarray]:
        """Page x and page y in mm, rising, of the grid's lines every `step_mm`, as they are printed."""
        return _lines_mm(self.grid, self.width_mm, self.height_mm, self.snap_dpi, step_mm)


@cache
def _lines_mm(
    grid: Grid, width_mm: float, height_mm: float, snap_dpi: float | None, step_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """`PageLayout.lines_mm`. A page that snaps its lines counts them from its left and bottom edges.

    Such a line is up to half a pixel off its regular place: at 200 dpi 0.064 mm, or 1.3 samples of 500 Hz.
    """
    if snap_dpi is None:
        boxes = ((grid.columns - 1) * BOX_MM, (grid.rows - 1) * BOX_MM)
        x_mm, y_mm = (
            first + np.arange(0.0, length + step_mm / 2, step_mm)
            for first, length in zip((grid.left_mm, grid.top_mm), boxes, strict=True)
        )
    else:
        px_per_mm = snap_dpi / MM_PER_INCH
        x_px = np.arange(0.0, width_mm, step_mm) * px_per_mm
        y_px = (height_mm - np.arange(0.0, height_mm, step_mm)[::-1]) * px_per_mm
        x_mm, y_mm = ((np.rint(px) + 0.5) / px_per_mm for px in (x_px, y_px))
    x_mm.flags.writeable = y_mm.flags.writeable = False
    return x_mm, y_mm


def blank_sheet(width_mm: float, height_mm: float, grid: Grid = Grid(0.0, 0.0, 0, 0)) -> PageLayout:
    """A sheet of which nothing is known but its grid, at the usual speed and gain."""
    return PageLayout("sheet", width_mm, height_mm, 25.0, 10.0, (), (), grid)


# ---- the competition's page: ECG-image-kit's, on letter paper, landscape


def _kit() -> PageLayout:
    """The page that ECG-image-kit draws at 200 dpi: 3 x 4 leads of 2.5 s and a rhythm strip of lead II below."""
    dpi, speed, gain = 200.0, 25.0, 10.0
    px_mm = MM_PER_INCH / dpi
    width, height = 11 * MM_PER_INCH, 8.5 * MM_PER_INCH
    left, quarter_s, quarters, strip = 15.0, 2.5, 4, 3
    columns = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
    baselines = (*(height * 5 / 12 + row * (height / 6) for row in range(3)), 194.9083)
    windows = tuple(
        Window(lead, row, left + column * quarter_s * speed, column * quarter_s, quarter_s)
        for column, leads in enumerate(columns)
        for row, lead in enumerate(leads)
    )
    windows = (*windows, Window("II", strip, left, 0.0, quarters * quarter_s))
    # The flanks of the pulses stand 0.57 px right of 10 and 15 mm (measured on the kit's renders).
    flanks = (10.0 + 0.57 * px_mm, 15.0 + 0.57 * px_mm)
    # Lines are rounded to the middle of a pixel: on average half a pixel right of, and below, their regular places.
    grid = Grid(0.5 * px_mm, height % BOX_MM + 0.5 * px_mm, int(width / BOX_MM) + 1, int(height / BOX_MM) + 1)
    return PageLayout(
        name="3x4+1R(II)",
        width_mm=width,
        height_mm=height,
        speed_mm_per_s=speed,
        gain_mm_per_mv=gain,
        baselines_mm=baselines,
        windows=windows,
        grid=grid,
        pulses=tuple(Pulse(row, *flanks) for row in range(len(baselines))),
        separators=tuple(
            Separator(row, left + column * quarter_s * speed, 0.72, 7.0)
            for row in range(strip)
            for column in range(1, quarters)
        ),
        names=tuple(
            Text(window.left_mm, baselines[window.row] + (8.0 if window.row == strip else 6.985), window.lead, 5.0)
            for window in windows
        ),
        texts=(Text(50.0, 210.9, "25mm/s", 15.8), Text(100.0, 210.9, "10mm/mV", 20.2)),
        snap_dpi=dpi,
    )


KIT = _kit()
