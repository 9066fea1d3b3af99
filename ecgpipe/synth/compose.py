"""Pages of many makers as `PageLayout`s: any form, order, speed, gain and size, chosen or at random."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ecgpipe.page.layout import BOX_MM, CABRERA, LEADS, Grid, PageLayout, Pulse, Separator, Text, Window
from ecgpipe.synth.style import PageStyle, text_width_mm

Order = Literal["standard", "cabrera"]
Columns = Literal["sequential", "simultaneous"]
Names = Literal["above", "below", "left", "inside"]
Pulses = Literal["left", "right", "between", "none"]
Separators = Literal["bars", "ticks", "dashes", "lines", "dots", "none"]

LIMB, CHEST = LEADS[:6], LEADS[6:]
RECORDING_S = 10.0  # what a machine keeps of an ECG at rest
PULSE_S, FOOT_S = 0.2, 0.04  # widths of a calibration pulse and of its feet
LETTER, A4, A5 = (279.4, 215.9), (297.0, 210.0), (210.0, 148.0)


@dataclass(frozen=True)
class PageMarks:
    """What stands around the traces, and how far off: lengths in mm, `name_dx_mm` from the start of the window."""

    names: Names = "above"
    name_dx_mm: float = 1.0
    name_dy_mm: float = 6.0
    inverted_name: str = "-aVR"
    pulses: Pulses = "left"
    pulse_gap_mm: float = 2.0
    foot: bool = False
    separators: Separators = "bars"
    separator_width_mm: float = 0.5
    separator_height_mm: float = 7.0
    gap_mm: float = 0.0  # of blank paper between columns
    legend: tuple[str, ...] = ("{s} mm/s {g} mm/mV",)  # s: speed, g: gain, c: gain of chest leads
    legend_at: tuple[float, float] = (0.05, 0.97)  # shares of the page's width and height


def leads_of_form(form: str, order: Order = "standard", leads: Sequence[str] | None = None) -> tuple[str, ...]:
    """The leads of a form such as 3x4, from the top down and then to the next column; "-aVR" is an inverted aVR."""
    rows, columns = _rows_and_columns(form)
    if leads is None:
        leads = (*(CABRERA if order == "cabrera" else LIMB), *CHEST)[: rows * columns]
    if len(leads) != rows * columns:
        raise ValueError(f"{form}: {len(leads)} leads, expected {rows * columns}")
    return tuple(leads)


@dataclass(frozen=True)
class _Arrangement:
    """Where the traces of a form lie: `rows` x `across` windows of `window_s`, and rhythm strips in rows below them.

    A window begins at page x `left_mm`, and another every `step_mm`; `baselines_mm` has all rows, `pitch_mm` apart.
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


def compose_layout(
    form: str = "3x4",
    rhythm: Sequence[str] = ("II",),
    *,
    order: Order = "standard",
    leads: Sequence[str] | None = None,
    columns: Columns = "sequential",
    speed: float = 25.0,
    gain: float = 10.0,
    chest_ratio: float = 1.0,
    window_s: float | None = None,
    size_mm: tuple[float, float] = LETTER,
    left_mm: float = 15.0,
    first_mm: float | None = None,
    pitch_mm: float | None = None,
    grid: Grid | None = None,
    marks: PageMarks = PageMarks(),
) -> PageLayout:
    """A page of `form` rows x columns with a rhythm strip of each lead of `rhythm` below.

    `window_s` is the length of the windows, `first_mm` the page y of the first row's 0 mV and `pitch_mm` how far the
    rows are apart; by default the traces fill the sheet. Raises ValueError where they do not fit.
    """
    gap_mm = marks.gap_mm
    arrangement = _arranged(form, len(rhythm), speed, window_s, size_mm, left_mm, first_mm, pitch_mm, gap_mm)
    named = _windows(arrangement, leads_of_form(form, order, leads), rhythm, columns, chest_ratio)
    windows = tuple(window for _, window in named)
    page = PageLayout(
        name=form + (f"+{len(rhythm)}R({','.join(rhythm)})" if rhythm else ""),
        width_mm=size_mm[0],
        height_mm=size_mm[1],
        speed_mm_per_s=speed,
        gain_mm_per_mv=gain,
        baselines_mm=arrangement.baselines_mm,
        windows=windows,
        grid=grid or full_grid(size_mm, left_mm % BOX_MM, arrangement.baselines_mm[0] % BOX_MM),
        pulses=_pulses(marks, windows, arrangement),
        separators=_separators(marks, arrangement),
        timing=columns if arrangement.across > 1 else "sequential",
    )
    page = replace(page, names=_names(marks, named, page), texts=_legend(marks, page, chest_ratio))
    return measured(page, PageStyle())


def _arranged(
    form: str,
    rhythm: int,
    speed: float,
    window_s: float | None,
    size_mm: tuple[float, float],
    left_mm: float,
    first_mm: float | None,
    pitch_mm: float | None,
    gap_mm: float,
) -> _Arrangement:
    """The arrangement of a form with `rhythm` rhythm strips; arguments that are None are chosen to fill the sheet."""
    rows, across = _rows_and_columns(form)
    room_mm = size_mm[0] - left_mm - gap_mm * (across - 1)
    if window_s is None:
        window_s = min(RECORDING_S / across, np.floor(2 * room_mm / across / speed) / 2)
    if window_s <= 0 or across * window_s * speed > room_mm + 1e-6:
        raise ValueError(f"{form} of {window_s:g} s windows at {speed:g} mm/s needs a sheet wider than {size_mm[0]} mm")
    baselines_mm, pitch_mm = _baselines(rows + rhythm, size_mm[1], first_mm, pitch_mm)
    step_mm = window_s * speed + gap_mm
    right_mm = left_mm + across * step_mm - gap_mm
    return _Arrangement(rows, across, speed, window_s, left_mm, step_mm, right_mm, baselines_mm, pitch_mm)


def _baselines(
    total: int, height_mm: float, first_mm: float | None, pitch_mm: float | None
) -> tuple[tuple[float, ...], float]:
    """Page y of 0 mV of `total` rows, and how far they are apart; ValueError where they do not fit."""
    first_mm = 0.22 * height_mm if first_mm is None else first_mm
    pitch_mm = (0.93 * height_mm - first_mm) / total if pitch_mm is None else pitch_mm
    baselines_mm = tuple(first_mm + row * pitch_mm for row in range(total))
    if baselines_mm[-1] > height_mm:
        raise ValueError(
            f"{total} rows every {pitch_mm:g} mm from {first_mm:g} mm on need a sheet higher than {height_mm} mm"
        )
    return baselines_mm, pitch_mm


def _windows(
    arrangement: _Arrangement, leads: Sequence[str], rhythm: Sequence[str], columns: Columns, chest_ratio: float
) -> list[tuple[str, Window]]:
    """The printed name and the window of each lead: those of the form, then the rhythm strips."""
    named = []
    for index, lead in enumerate(leads):
        column, row = divmod(index, arrangement.rows)
        start_s = column * arrangement.window_s if columns == "sequential" else 0.0
        left_mm = arrangement.left_mm + column * arrangement.step_mm
        named.append(_window(lead, row, left_mm, start_s, arrangement.window_s, chest_ratio))
    strip_s = min(arrangement.across * arrangement.window_s, RECORDING_S)
    for row, lead in enumerate(rhythm, arrangement.rows):
        named.append(_window(lead, row, arrangement.left_mm, 0.0, strip_s, chest_ratio))
    return named


def measured(page: PageLayout, style: PageStyle) -> PageLayout:
    """`page` with the widths that its names and texts have in the fonts of `style`, moved to lie on the sheet."""

    def fitted(text: Text, font: str, size_mm: float) -> Text:
        width = text_width_mm(text.words, font, size_mm)
        left = float(np.clip(text.left_mm, 0.5, max(page.width_mm - width - 0.5, 0.5)))
        base = float(np.clip(text.base_mm, size_mm, page.height_mm - 0.3 * size_mm))
        return replace(text, left_mm=left, base_mm=base, width_mm=width)

    name_font, name_size = style.name_font or style.font, style.name_size_mm or style.font_size_mm
    names = tuple(fitted(text, name_font, name_size) for text in page.names)
    return replace(page, names=names, texts=tuple(fitted(t, style.font, style.font_size_mm) for t in page.texts))


def full_grid(size_mm: tuple[float, float], x_mm: float = 0.0, y_mm: float = 0.0) -> Grid:
    """The grid all over a sheet, a heavy line at `x_mm` and at `y_mm`, each below 5 mm."""
    columns, rows = (int((side - first) / BOX_MM) + 1 for side, first in zip(size_mm, (x_mm, y_mm), strict=True))
    return Grid(x_mm, y_mm, columns, rows)


def _rows_and_columns(form: str) -> tuple[int, int]:
    rows, columns = form.split("x")
    return int(rows), int(columns)


def _window(
    lead: str, row: int, left_mm: float, start_s: float, duration_s: float, chest_ratio: float
) -> tuple[str, Window]:
    """The lead's printed name, and its window."""
    plain = lead.removeprefix("-")
    ratio = (chest_ratio if plain in CHEST else 1.0) * (-1.0 if lead != plain else 1.0)
    return lead, Window(plain, row, left_mm, start_s, duration_s, ratio)


def _names(marks: PageMarks, named: list[tuple[str, Window]], page: PageLayout) -> tuple[Text, ...]:
    texts = []
    for lead, window in named:
        words = marks.inverted_name if lead.startswith("-") else lead
        left, base = window.left_mm + marks.name_dx_mm, page.baselines_mm[window.row]
        if marks.names == "above":
            base -= marks.name_dy_mm
        elif marks.names == "below":
            base += marks.name_dy_mm
        elif marks.names == "left" and window.left_mm == page.left_mm:
            left, base = left - 10.0, base + 1.5
        texts.append(Text(left, base, words, 0.0))
    return tuple(texts)


def _pulses(marks: PageMarks, windows: Sequence[Window], arrangement: _Arrangement) -> tuple[Pulse, ...]:
    """The pulses of every row, as high as 1 mV is in the row's windows if these share a gain."""
    wide, away, foot = PULSE_S * arrangement.speed, marks.pulse_gap_mm, FOOT_S * arrangement.speed * marks.foot
    between_mm = (marks.gap_mm + wide) / 2
    lefts = {
        "left": (arrangement.left_mm - away - wide,),
        "right": (arrangement.right_mm + away,),
        "between": tuple(
            arrangement.left_mm + k * arrangement.step_mm - between_mm for k in range(1, arrangement.across)
        ),
        "none": (),
    }[marks.pulses]
    pulses = []
    for row in range(len(arrangement.baselines_mm)):
        ratios = [abs(window.gain_ratio) for window in windows if window.row == row]
        if len(ratios) == 1 and marks.pulses == "between":
            continue
        ratio = ratios[0] if len(set(ratios)) == 1 else 1.0
        pulses += [Pulse(row, left, left + wide, ratio, foot) for left in lefts]
    return tuple(pulses)


def _separators(marks: PageMarks, arrangement: _Arrangement) -> tuple[Separator, ...]:
    """The marks between the columns of the form; rhythm strips have none."""
    high, wide, pitch_mm = marks.separator_height_mm, marks.separator_width_mm, arrangement.pitch_mm
    bars = {
        "bars": ((high, 0.0),),
        "ticks": ((high / 3, -high / 2), (high / 3, high / 2)),
        "dashes": tuple((1.2, offset) for offset in np.arange(-high, high + 0.1, 2.4)),
        "lines": ((pitch_mm, 0.0),),
        "dots": tuple((0.6, offset) for offset in np.arange(-pitch_mm / 2, pitch_mm / 2, 1.5)),
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
        for column in range(1, arrangement.across)
        for height, offset in bars
    )


def _legend(marks: PageMarks, page: PageLayout, chest_ratio: float) -> tuple[Text, ...]:
    x_mm, y_mm = (share * side for share, side in zip(marks.legend_at, page.size_mm, strict=True))
    gain = page.gain_mm_per_mv
    scales = {"s": f"{page.speed_mm_per_s:g}", "g": f"{gain:g}", "c": f"{gain * chest_ratio:g}"}
    texts = [text.format(**scales) for text in marks.legend]
    return tuple(Text(x_mm + 0.3 * page.width_mm * k, y_mm, words, 0.0) for k, words in enumerate(texts))
