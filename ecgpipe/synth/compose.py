"""Pages of many makers as `PageLayout`s: any form, order, speed, gain and size, chosen or at random."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Literal

import numpy as np

from ecgpipe.page.layout import BOX_MM, CABRERA, LEADS, Grid, PageLayout, Text, Window
from ecgpipe.synth.lettering import Lettering, text_width_mm
from ecgpipe.synth.marks import (
    CHEST,
    USUAL_MARKS,
    Arrangement,
    PageMarks,
    page_legend,
    page_names,
    page_pulses,
    page_separators,
)
from ecgpipe.synth.style import PageStyle

Order = Literal["standard", "cabrera"]
Columns = Literal["sequential", "simultaneous"]

LIMB = LEADS[:6]
RECORDING_S = 10.0  # what a machine keeps of an ECG at rest
LETTER, A4, A5 = (279.4, 215.9), (297.0, 210.0), (210.0, 148.0)


def leads_of_form(form: str, order: Order = "standard", leads: Sequence[str] | None = None) -> tuple[str, ...]:
    """The leads of a form such as 3x4, from the top down and then to the next column; "-aVR" is an inverted aVR."""
    rows, columns = _rows_and_columns(form)
    if leads is None:
        leads = (*(CABRERA if order == "cabrera" else LIMB), *CHEST)[: rows * columns]
    if len(leads) != rows * columns:
        raise ValueError(f"{form}: {len(leads)} leads, expected {rows * columns}")
    return tuple(leads)


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
    pitch_mm: float | Sequence[float] | None = None,
    grid: Grid | None = None,
    marks: PageMarks = USUAL_MARKS,
) -> PageLayout:
    """A page of `form` rows x columns with a rhythm strip of each lead of `rhythm` below.

    `window_s` is the length of the windows, `first_mm` the page y of the first row's 0 mV and `pitch_mm` how far the
    rows are apart, one number or one for each row but the first; by default the traces fill the sheet. Raises
    ValueError where they do not fit.
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
        pulses=page_pulses(marks, windows, arrangement),
        separators=page_separators(marks, arrangement),
        timing=columns if arrangement.across > 1 else "sequential",
    )
    names = page_names(marks, named, page, arrangement.rows)
    page = replace(page, names=names, texts=page_legend(marks, page, chest_ratio))
    return measured(page, PageStyle())


def _arranged(
    form: str,
    rhythm: int,
    speed: float,
    window_s: float | None,
    size_mm: tuple[float, float],
    left_mm: float,
    first_mm: float | None,
    pitch_mm: float | Sequence[float] | None,
    gap_mm: float,
) -> Arrangement:
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
    return Arrangement(rows, across, speed, window_s, left_mm, step_mm, right_mm, baselines_mm, pitch_mm)


def _baselines(
    total: int, height_mm: float, first_mm: float | None, pitch_mm: float | Sequence[float] | None
) -> tuple[tuple[float, ...], float]:
    """Page y of 0 mV of `total` rows, and how far they are apart at least; ValueError where they do not fit."""
    first_mm = 0.22 * height_mm if first_mm is None else first_mm
    pitch_mm = (0.93 * height_mm - first_mm) / total if pitch_mm is None else pitch_mm
    if isinstance(pitch_mm, Sequence):
        baselines_mm = tuple(accumulate(pitch_mm, initial=first_mm))
        pitch_mm = min(pitch_mm)
    else:
        baselines_mm = tuple(first_mm + row * pitch_mm for row in range(total))
    if len(baselines_mm) != total:
        raise ValueError(f"{len(baselines_mm)} rows by their pitch, expected {total}")
    if baselines_mm[-1] > height_mm:
        raise ValueError(
            f"{total} rows every {pitch_mm:g} mm from {first_mm:g} mm on need a sheet higher than {height_mm} mm"
        )
    return baselines_mm, pitch_mm


def _windows(
    arrangement: Arrangement, leads: Sequence[str], rhythm: Sequence[str], columns: Columns, chest_ratio: float
) -> list[tuple[str, Window]]:
    """The printed name and the window of each lead: those of the form, then the rhythm strips."""
    named = []
    for index, lead in enumerate(leads):
        column, row = divmod(index, arrangement.rows)
        start_s = round(column * arrangement.window_s, 6) if columns == "sequential" else 0.0
        left_mm = arrangement.left_mm + column * arrangement.step_mm
        named.append(_window(lead, row, left_mm, start_s, arrangement.window_s, chest_ratio))
    wide_s = round((arrangement.right_mm - arrangement.left_mm) / arrangement.speed, 6)  # gaps included
    strip_s = min(wide_s, RECORDING_S)
    for row, lead in enumerate(rhythm, arrangement.rows):
        named.append(_window(lead, row, arrangement.left_mm, 0.0, strip_s, chest_ratio))
    return named


def measured(page: PageLayout, style: PageStyle) -> PageLayout:
    """`page` with the widths that its names and texts have in the fonts of `style`, moved to lie on the sheet.

    Texts wider than the sheet are left out.
    """

    def fitted(text: Text, font: str, size_mm: float, lettering: Lettering) -> Text:
        width = text_width_mm(text.words, font, size_mm, lettering)
        left = float(np.clip(text.left_mm, 0.5, max(page.width_mm - width - 0.5, 0.5)))
        base = float(np.clip(text.base_mm, size_mm, page.height_mm - 0.3 * size_mm))
        return replace(text, left_mm=left, base_mm=base, width_mm=width)

    name_font, name_size = style.name_font or style.font, style.name_size_mm or style.font_size_mm
    names = tuple(fitted(text, name_font, name_size, style.name_lettering) for text in page.names)
    texts = tuple(fitted(text, style.font, style.font_size_mm, style.lettering) for text in page.texts)
    return replace(page, names=names, texts=tuple(text for text in texts if text.width_mm < page.width_mm - 1))


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
