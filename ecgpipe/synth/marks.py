"""What stands around the traces of a page: names, calibration pulses, separators and the line that tells the scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecgpipe.page.layout import LEADS, PageLayout, Pulse, Separator, Text, Window

Names = Literal["above", "below", "left", "inside"]
Pulses = Literal["left", "right", "both", "between", "none"]
PulseRows = Literal["all", "first", "last"]
Separators = Literal["bars", "ticks", "marks", "dashes", "lines", "dotted lines", "none"]
Spelling = Literal["plain", "capitals", "small", "aVr", "Lead I", "DI", "C1"]

ROMAN, CHEST = LEADS[:3], LEADS[6:]
PULSE_S = 0.2  # width of a calibration pulse
MARK_MM = 3.0  # height of a mark beside a name


@dataclass(frozen=True)
class PageMarks:
    """What stands around the traces, and how far off: lengths in mm, `name_dx_mm` from the start of the window.

    `strip_words` are printed on rhythm strips, with the lead's name for {lead}. `foot_s` is the width of a pulse's
    feet. Separators called marks stand beside the names, dashes and dots are as long as the blank between them, and
    `closing` ones stand after the last column too.
    """

    names: Names = "above"
    name_dx_mm: float = 1.0
    name_dy_mm: float = 6.0
    spelling: Spelling = "plain"
    inverted_name: str = "-aVR"
    strip_words: str = "{lead}"
    pulses: Pulses = "left"
    pulse_rows: PulseRows = "all"
    pulse_s: float = PULSE_S
    pulse_gap_mm: float = 2.0
    foot_s: float = 0.0
    separators: Separators = "bars"
    separator_width_mm: float = 0.5
    separator_height_mm: float = 7.0
    dash_mm: float = 1.2
    closing: bool = False
    gap_mm: float = 0.0  # of blank paper between columns
    legend: tuple[str, ...] = ("{s} mm/s {g} mm/mV",)  # s: speed, g: gain, c: gain of chest leads
    legend_at: tuple[float, float] = (0.05, 0.97)  # shares of the page's width and height


USUAL_MARKS = PageMarks()


@dataclass(frozen=True)
class Arrangement:
    """Where the traces of a form lie: `rows` x `across` windows of `window_s`, and rhythm strips in rows below them.

    A window begins at page x `left_mm`, and another every `step_mm`; `baselines_mm` has all rows, at least `pitch_mm`
    apart.
    """

    rows: int
    across: int
    speed: float
    window_s: float
    left_mm: float
    step_mm: float
    right_mm: float
    baselines_mm: tuple[float, ...]
    pitch_mm: float


def spelled(lead: str, spelling: Spelling) -> str:
    """A lead's name as some makers write it; "-aVR" keeps its sign."""
    name = lead.lstrip("-")
    changed = {
        "plain": name,
        "capitals": name.upper(),
        "small": name if name in ROMAN else name.lower(),
        "aVr": name[:2] + name[2].lower() if name.startswith("aV") else name,
        "Lead I": f"Lead {name}" if name == lead else name,
        "DI": f"D{name}" if name in ROMAN else name,
        "C1": f"C{name[1]}" if name in CHEST else name,
    }[spelling]
    return "-" * (name != lead) + changed


def page_names(marks: PageMarks, named: Sequence[tuple[str, Window]], page: PageLayout, rows: int) -> tuple[Text, ...]:
    """The printed name of every window, rhythm strips being those below `rows` rows; without words if none is
    printed."""
    texts = []
    for lead, window in named:
        words = spelled(marks.inverted_name if lead.startswith("-") else lead, marks.spelling)
        if window.row >= rows:
            words = marks.strip_words.format(lead=words)
        left, base = window.left_mm + marks.name_dx_mm, page.baselines_mm[window.row]
        if marks.names == "above":
            base -= marks.name_dy_mm
        elif marks.names == "below":
            base += marks.name_dy_mm
        elif marks.names == "left" and window.left_mm == page.left_mm:
            left, base = left - 10.0, base + 1.5
        texts.append(Text(left, base, words, 0.0))
    return tuple(texts)


def page_pulses(marks: PageMarks, windows: Sequence[Window], arrangement: Arrangement) -> tuple[Pulse, ...]:
    """The pulses of every row, as high as 1 mV is in the row's windows if these share a gain.

    Those left of a sheet that begins with the traces are left out.
    """
    wide, foot, away = marks.pulse_s * arrangement.speed, marks.foot_s * arrangement.speed, marks.pulse_gap_mm
    between_mm = (marks.gap_mm + wide) / 2
    at_left, at_right = (arrangement.left_mm - away - wide,), (arrangement.right_mm + away,)
    lefts = {
        "left": at_left,
        "right": at_right,
        "both": at_left + at_right,
        "between": tuple(
            arrangement.left_mm + k * arrangement.step_mm - between_mm for k in range(1, arrangement.across)
        ),
        "none": (),
    }[marks.pulses]
    last = len(arrangement.baselines_mm) - 1
    pulses = []
    for row in {"all": range(last + 1), "first": (0,), "last": (last,)}[marks.pulse_rows]:
        ratios = [abs(window.gain_ratio) for window in windows if window.row == row]
        if len(ratios) == 1 and marks.pulses == "between":
            continue
        ratio = ratios[0] if len(set(ratios)) == 1 else 1.0
        pulses += [Pulse(row, left, left + wide, ratio, foot) for left in lefts if left + wide > 0]
    return tuple(pulses)


def page_separators(marks: PageMarks, arrangement: Arrangement) -> tuple[Separator, ...]:
    """The marks between the columns of the form; rhythm strips have none."""
    high, wide, pitch_mm = marks.separator_height_mm, marks.separator_width_mm, arrangement.pitch_mm
    dash, side = marks.dash_mm, 1 if marks.names == "below" else -1
    bars = {
        "bars": ((high, 0.0),),
        "ticks": ((high / 3, -high / 2), (high / 3, high / 2)),
        "marks": ((MARK_MM, side * marks.name_dy_mm - MARK_MM / 3),),
        "dashes": tuple((dash, offset) for offset in np.arange(-high, high + 0.1, 2 * dash)),
        "lines": ((pitch_mm, 0.0),),
        "dotted lines": tuple((dash / 2, offset) for offset in np.arange(-pitch_mm / 2, pitch_mm / 2, dash)),
        "none": (),
    }[marks.separators]
    return tuple(
        Separator(
            row,
            arrangement.left_mm + column * arrangement.step_mm - marks.gap_mm / 2,
            wide,
            float(height),
            float(offset),
        )
        for row in range(arrangement.rows)
        for column in range(1, arrangement.across + marks.closing)
        for height, offset in bars
    )


def page_legend(marks: PageMarks, page: PageLayout, chest_ratio: float) -> tuple[Text, ...]:
    """The texts that tell speed and gain."""
    x_mm, y_mm = (share * side for share, side in zip(marks.legend_at, page.size_mm, strict=True))
    gain = page.gain_mm_per_mv
    scales = {"s": f"{page.speed_mm_per_s:g}", "g": f"{gain:g}", "c": f"{gain * chest_ratio:g}"}
    texts = [text.format(**scales) for text in marks.legend]
    return tuple(Text(x_mm + 0.3 * page.width_mm * k, y_mm, words, 0.0) for k, words in enumerate(texts))
