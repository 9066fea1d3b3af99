"""Pages at random: the layouts of many makers, and the mix of layout, look and printer that a reader is trained on."""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from ecgpipe.page.layout import BOX_MM, CABRERA, KIT, LEADS, Grid, PageLayout
from ecgpipe.synth.compose import (
    A4,
    A5,
    CHEST,
    LETTER,
    LIMB,
    RECORDING_S,
    Names,
    PageMarks,
    Pulses,
    compose_layout,
    measured,
)
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

T = TypeVar("T")
SheetSize = tuple[float, float] | Literal["strip", "screen"]  # width and height in mm, or how they are found

KIT_SHARE = 0.5  # of pages: what the competition shows
KIT_LOOK_SHARE = 0.8  # of those: in the kit's own look
SHORTEST_S, PITCH_MM = 2.5, (15.0, 40.0)
TRIES = 100

FORMS = {"3x4": 0.46, "6x2": 0.18, "12x1": 0.12, "6x1": 0.12, "3x1": 0.06, "3x2": 0.06}
RHYTHM = {
    "3x4": {("II",): 0.5, (): 0.2, ("V1",): 0.06, ("V5",): 0.03, ("II", "V1"): 0.04, ("II", "V5"): 0.03,
            ("V1", "II", "V5"): 0.08, ("II", "V1", "V5"): 0.06},
    "6x2": {(): 0.6, ("II",): 0.35, ("V1",): 0.05},
}  # fmt: skip
TRIPLES = (*(LEADS[k : k + 3] for k in (0, 3, 6, 9)), ("II", "V1", "V5"), ("V1", "II", "V5"))
SHEETS: dict[SheetSize, float] = {
    LETTER: 0.36, A4: 0.3, LETTER[::-1]: 0.05, A4[::-1]: 0.05, A5: 0.06, "strip": 0.08, "screen": 0.1,
}  # fmt: skip
LEGENDS = (
    ("{s} mm/s {g} mm/mV",), ("{s} mm/s", "{g} mm/mV"), ("{s}mm/s {g}mm/mV {f}",), ("{s} mm/s {g} mm/mV {f}",),
    ("Speed: {s} mm/sec  Limb: {g} mm/mV  Chest: {c} mm/mV", "F {f}"), ("{s}mm/s  {g}mm/mV", "{f}"),
    ("Scale: {s}.0 mm/s {g}.0 mm/mV", "Filters: {f}"), ("{f}", "{s} mm/s", "{g} mm/mV"), (),
    ("{g} mm/mV  {s} mm/s  Filter: {f}",), ("Geschw: {s} mm/s  Ampl: {g} mm/mV",), ("{s}mm/s   {g}/{c}mm/mV",),
)  # fmt: skip
FILTERS = ("0.05-150 Hz", "0.05-40Hz", "0.5-40 Hz", "0.15-100 Hz ~50 Hz", "W 50 Hz", "0,05-100 Hz", "BP 0.5~35Hz AC")


def random_page(rng: np.random.Generator, *, printed: bool = True) -> tuple[PageLayout, PageStyle, Print]:
    """A page to train on: half of them the kit's, the others of any maker, from any printer if it is `printed`.

    A page that is not printed, a render or one on a screen, has the rasters of its program only, the kit's not even
    these.
    """
    if rng.random() < KIT_SHARE:
        look = PageStyle.random if rng.random() < KIT_LOOK_SHARE else PageStyle.random_kit_print
        return KIT, look(rng), Print.random(rng) if printed else Print.none()
    page = random_layout(rng)
    style = PageStyle.random_machine(rng, page)
    return measured(page, style), style, Print.random(rng) if printed else Print.random_screen(rng)


def random_layout(rng: np.random.Generator) -> PageLayout:
    """A layout of any maker."""
    for _ in range(TRIES):
        try:
            return _Draft.random(rng).layout(rng)
        except ValueError:
            continue  # it does not fit the sheet
    raise RuntimeError(f"no layout fits its sheet in {TRIES} tries")


@dataclass(frozen=True)
class _Draft:
    """What a maker chooses before anything is placed."""

    form: str
    rhythm: tuple[str, ...]
    leads: tuple[str, ...] | None
    cabrera: bool
    simultaneous: bool
    speed: float
    gain: float
    chest_ratio: float
    marks: PageMarks
    sheet: SheetSize

    @staticmethod
    def random(rng: np.random.Generator) -> "_Draft":
        form = _pick(rng, FORMS)
        speed, gain = _pick(rng, {25.0: 0.85, 50.0: 0.15}), _pick(rng, {10.0: 0.78, 5.0: 0.12, 20.0: 0.1})
        chest_ratio = 0.5 if rng.random() < 0.12 else 1.0
        return _Draft(
            form=form,
            rhythm=_pick(rng, RHYTHM.get(form, {(): 1.0})),
            leads=_leads(rng, form),
            cabrera=bool(rng.random() < 0.2) and form in ("6x2", "12x1", "3x4"),
            simultaneous=bool(rng.random() < 0.3),
            speed=speed,
            gain=gain,
            chest_ratio=chest_ratio,
            marks=_marks(rng, int(form.split("x")[1]), speed),
            sheet=_pick(rng, SHEETS),
        )

    def layout(self, rng: np.random.Generator) -> PageLayout:
        """The draft on its sheet; ValueError where it does not fit."""
        rows, across = (int(number) for number in self.form.split("x"))
        total, marks = rows + len(self.rhythm), self.marks
        pulse_mm = 0.2 * self.speed + marks.pulse_gap_mm + 0.08 * self.speed * marks.foot
        left = rng.uniform(2, 18) + (marks.pulses == "left") * pulse_mm + (marks.names == "left") * 8
        right = rng.uniform(0.5, 8) + (marks.pulses == "right") * pulse_mm
        pitch = rng.uniform(*PITCH_MM) if rng.random() < 0.5 else PITCH_MM[1]  # the latter: to fill the sheet
        gaps = marks.gap_mm * (across - 1)
        if self.sheet == "screen":  # cropped to the traces
            seconds = rng.choice([2.5, 5.0, 10.0] if across == 1 else [SHORTEST_S, RECORDING_S / across])
            pitch = min(pitch, 220 / total)
            width, height = left + gaps + across * seconds * self.speed + right, (total + rng.uniform(0, 0.8)) * pitch
        elif self.sheet == "strip":
            width, height = rng.uniform(200, 330), rng.uniform(80, 150)
        else:
            width, height = self.sheet
        above = pitch * rng.uniform(0.55, 0.8) if self.sheet == "screen" else 0.0
        pitch = min(pitch, height * rng.uniform(0.7, 0.97) / total)
        if pitch < 0.8 * PITCH_MM[0]:
            raise ValueError(f"rows every {pitch:.1f} mm")
        marks = replace(marks, name_dy_mm=min(marks.name_dy_mm, 0.5 * pitch))  # nearest its own row
        room_s = (width - left - right - gaps) / across / self.speed
        window_s = min(np.floor(2 * room_s + 1e-6) / 2, RECORDING_S / across)
        if window_s < SHORTEST_S or width > 340:
            raise ValueError(f"windows of {window_s} s on {width:.0f} mm")
        first = above or rng.uniform(0.6 * pitch, max(height - (total - 0.45) * pitch, 0.6 * pitch))
        slack = width - left - right - gaps - across * window_s * self.speed
        left += rng.uniform(0, 1) * slack * (slack > 0)
        extent = (left - pulse_mm - 1, first - 0.7 * pitch, width - right + 1, first + (total - 0.3) * pitch)
        return compose_layout(
            self.form,
            self.rhythm,
            order="cabrera" if self.cabrera else "standard",
            leads=self.leads,
            columns="simultaneous" if self.simultaneous else "sequential",
            speed=self.speed,
            gain=self.gain,
            chest_ratio=self.chest_ratio,
            window_s=float(window_s),
            size_mm=(float(width), float(height)),
            left_mm=float(left),
            first_mm=float(first),
            pitch_mm=float(pitch),
            grid=_grid(rng, (width, height), extent, (left, first)),
            marks=marks,
        )


def _pick(rng: np.random.Generator, shares: dict[T, float]) -> T:
    keys, weights = list(shares), np.array(list(shares.values()))
    return keys[rng.choice(len(keys), p=weights / weights.sum())]


def _leads(rng: np.random.Generator, form: str) -> tuple[str, ...] | None:
    """The leads of a page that does not show all twelve."""
    if form in ("6x1", "3x2"):
        return (LIMB, CHEST, CABRERA)[rng.choice(3, p=(0.4, 0.4, 0.2))]
    return TRIPLES[rng.integers(len(TRIPLES))] if form == "3x1" else None


def _marks(rng: np.random.Generator, across: int, speed: float) -> PageMarks:
    pulses: Pulses = _pick(rng, {"left": 0.55, "right": 0.15, "none": 0.25, "between": 0.05 * (across > 1)})
    names: Names = _pick(rng, {"above": 0.5, "below": 0.25, "left": 0.12, "inside": 0.13})
    gap = rng.integers(2, 17) / 2 if rng.random() < 0.12 else 0.0  # mm; whole samples of 500 Hz
    passed = FILTERS[rng.integers(len(FILTERS))]
    return PageMarks(
        names=names,
        name_dx_mm=rng.uniform(-1, 5),
        name_dy_mm=rng.uniform(3, 12 if rng.random() < 0.85 else 18),
        inverted_name="-aVR" if rng.random() < 0.8 else "aVR",
        pulses=pulses,
        pulse_gap_mm=rng.uniform(0, 5),
        foot=bool(rng.random() < 0.5),
        separators=_pick(rng, {"bars": 0.3, "ticks": 0.2, "dashes": 0.1, "lines": 0.07, "dots": 0.05, "none": 0.28}),
        separator_width_mm=rng.uniform(0.15, 0.9),
        separator_height_mm=rng.uniform(4, 10),
        gap_mm=max(gap, 0.2 * speed + 4) if pulses == "between" else gap,
        legend=tuple(text.replace("{f}", passed) for text in LEGENDS[rng.integers(len(LEGENDS))]),
        legend_at=(
            rng.uniform(0.01, 0.4),
            rng.choice([rng.uniform(0.95, 0.99), rng.uniform(0.02, 0.06)], p=(0.85, 0.15)),
        ),
    )


def _grid(
    rng: np.random.Generator,
    size_mm: tuple[float, float],
    extent_mm: tuple[float, float, float, float],
    anchor_mm: tuple[float, float],
) -> Grid:
    """All over the sheet, or just over `extent_mm` (left, top, right, bottom); often a line at the anchor."""
    phases = anchor_mm if rng.random() < 0.5 else rng.uniform(0, BOX_MM, 2)
    whole = rng.random() < 0.5
    firsts, counts = [], []
    for axis in (0, 1):
        near, far = (
            (0.0, size_mm[axis]) if whole else (max(extent_mm[axis], 0), min(extent_mm[axis + 2], size_mm[axis]))
        )
        first = near + (phases[axis] - near) % BOX_MM
        if not whole and first - BOX_MM >= 0:
            first -= BOX_MM
        count = int((far - first) / BOX_MM) + 1
        if not whole and first + count * BOX_MM <= size_mm[axis]:
            count += 1
        firsts.append(float(first))
        counts.append(count)
    return Grid(firsts[0], firsts[1], counts[0], counts[1])
