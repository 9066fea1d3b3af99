"""What a network sees printed on a sheet: lead names, scales in words, calibration pulses, where traces begin and end.

The network takes a canvas of PX_PER_MM and gives maps of cells of a millimetre: for each of `CHANNELS` the logit that
its mark is there, and for each of `MEASURES` a number that counts where a mark is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ecgpipe.page.layout import LEADS

PX_PER_MM = 4.0  # of the canvas: a lead's name is 2 to 5 mm high, so 8 px or more
CELL_MM = 1.0
INVERTED = "-aVR"  # as Cabrera's order prints it
NAMES = (*LEADS, INVERTED)
PRINTED_SPEEDS, PRINTED_GAINS = (25.0, 50.0), (5.0, 10.0, 20.0)
SPEEDS = tuple(f"{speed:g} mm/s" for speed in PRINTED_SPEEDS)
GAINS = tuple(f"{gain:g} mm/mV" for gain in PRINTED_GAINS)
# A name or text is at its middle; a pulse at its left foot; a start and an end at the trace's first and last point, on
# 0 mV; the row is all that lies on 0 mV between the two.
PULSE, START, END, ROW = "pulse", "start", "end", "row"
CHANNELS = (*NAMES, *SPEEDS, *GAINS, PULSE, START, END, ROW)
# How far in mm right of the cell's centre and below it each kind of mark is; a pulse's height and width, in units of
# 10 and 5 mm.
MEASURES = (
    "name_x",
    "name_y",
    "pulse_x",
    "pulse_y",
    "pulse_high",
    "pulse_wide",
    "start_x",
    "start_y",
    "end_x",
    "end_y",
)
PULSE_UNITS_MM = (10.0, 5.0)
APART_CELLS = 5  # within which only the likeliest of equal marks counts
LEAST = 0.1  # probability of a mark that is listed


@dataclass(frozen=True)
class Mark:
    """A mark at (`x_mm`, `y_mm`) of the sheet, seen with `probability`; a pulse's `high_mm` and `wide_mm`."""

    what: str
    x_mm: float
    y_mm: float
    probability: float
    high_mm: float = 0.0
    wide_mm: float = 0.0


@dataclass(frozen=True)
class Marks:
    """All marks of one sheet, and `row` (h, w): the probability by cell that a trace's 0 mV runs there."""

    found: tuple[Mark, ...]
    row: np.ndarray

    def of(self, *what: str) -> list[Mark]:
        """The marks of these channels, likeliest first."""
        return sorted((mark for mark in self.found if mark.what in what), key=lambda mark: -mark.probability)


def marks_of(logits: np.ndarray, measures: np.ndarray) -> Marks:
    """The marks in the network's maps: `logits` (CHANNELS, h, w) and `measures` (MEASURES, h, w)."""
    heat = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    measure = dict(zip(MEASURES, np.asarray(measures, np.float64), strict=True))
    found: list[Mark] = []
    for channel, probability in zip(CHANNELS, heat, strict=True):
        if channel == ROW:
            continue
        kind = channel if channel in (PULSE, START, END) else "name"
        for row, col in _peaks(probability):
            dx, dy = (
                (float(np.clip(measure[f"{kind}_{axis}"][row, col], -1.5, 1.5)) for axis in "xy")
                if channel not in (*SPEEDS, *GAINS)
                else (0.0, 0.0)
            )
            sizes = [
                float(measure[f"pulse_{size}"][row, col] * unit) if channel == PULSE else 0.0
                for size, unit in zip(("high", "wide"), PULSE_UNITS_MM, strict=True)
            ]
            x_mm, y_mm = (col + 0.5) * CELL_MM + dx, (row + 0.5) * CELL_MM + dy
            found.append(Mark(channel, x_mm, y_mm, float(probability[row, col]), *sizes))
    return Marks(tuple(found), heat[CHANNELS.index(ROW)])


def _peaks(probability: np.ndarray) -> Sequence[tuple[int, int]]:
    """Cells (row, col) of the maxima from LEAST on."""
    highest = cv2.dilate(probability, np.ones((APART_CELLS, APART_CELLS), np.uint8))
    return [(int(row), int(col)) for row, col in np.argwhere((probability >= LEAST) & (probability == highest))]
