"""Pages at random: the layouts of many makers, and the mix of layout, look and printer that a reader is trained on."""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from ecgpipe.page.layout import BOX_MM, CABRERA, KIT, LEADS, Grid, PageLayout
from ecgpipe.synth.compose import (
    A4,
    A5,
    LETTER,
    LIMB,
    RECORDING_S,
    compose_layout,
    measured,
)
from ecgpipe.synth.marks import CHEST, PULSE_S, Names, PageMarks, PulseRows, Pulses, Separators, Spelling
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

T = TypeVar("T")
SheetSize = tuple[float, float] | Literal["strip", "screen"]  # width and height in mm, or how they are found

KIT_SHARE = 0.5  # of pages: what the competition shows
KIT_LOOK_SHARE = 0.8  # of those: in the kit's own look
SHORTEST_S, PITCH_MM = 2.4, (15.0, 40.0)
CLOSEST_MM = 12.0  # between rows
WIDEST_MM = 340.0  # of a sheet: 330 and a little
TRIES = 100

FORMS = {"3x4": 0.46, "6x2": 0.18, "12x1": 0.12, "6x1": 0.12, "3x1": 0.06, "3x2": 0.06}
RHYTHM = {
    "3x4": {("II",): 0.5, (): 0.2, ("V1",): 0.06, ("V5",): 0.03, ("II", "V1"): 0.04, ("II", "V5"): 0.03,
            ("V1", "II", "V5"): 0.08, ("II", "V1", "V5"): 0.06},
    "6x2": {(): 0.6, ("II",): 0.35, ("V1",): 0.05},
}  # fmt: skip
TRIPLES = (*(LEADS[k : k + 3] for k in (0, 3, 6, 9)), ("II", "V1", "V5"), ("V1", "II", "V5"))
SHEETS: dict[SheetSize, float] = {
    LETTER: 0.29, A4: 0.25, LETTER[::-1]: 0.04, A4[::-1]: 0.04, A5: 0.05, "strip": 0.08, "screen": 0.25,
}  # fmt: skip
LEGENDS = (
    ("{s} mm/s {g} mm/mV",), ("{s} mm/s", "{g} mm/mV"), ("{s}mm/s {g}mm/mV {f}",), ("{s} mm/s {g} mm/mV {f}",),
    ("Speed: {s} mm/sec  Limb: {g} mm/mV  Chest: {c} mm/mV", "F {f}"), ("{s}mm/s  {g}mm/mV", "{f}"),
    ("Scale: {s}.0 mm/s {g}.0 mm/mV", "Filters: {f}"), ("{f}", "{s} mm/s", "{g} mm/mV"), (),
    ("{g} mm/mV  {s} mm/s  Filter: {f}",), ("Geschw: {s} mm/s  Ampl: {g} mm/mV",), ("{s}mm/s   {g}/{c}mm/mV",),
    ("{s}mm/s    {g}mm/mV    150Hz    005C    12SL 235    CID: 0",), ("{s}mm/s {g}mm/mV {f}", "EID:1"),
    ("{s}mm/s  {g}mm/mV  ADS  {f}",), ("{s} mm/s", "{g}.0 mm/mV", "{f}"), ("SPEED {s} MM/SEC  GAIN {g} MM/MV",),
    ("{s}mm/sec {g}mm/mV", "Filter: {f}"), ("{g}mm/mV", "{s}mm/s"), ("LP 25Hz, AC 50Hz  {s}mm/s  {g}mm/mV",),
    ("I-aVF {g} mm/mV  V1-V6 {c} mm/mV  {s} mm/s",), ("{s} mm/seg {g} mm/mV",), ("1 mV = {g} mm   {s} mm/s  {f}",),
)  # fmt: skip
FILTERS = (
    "0.05-150 Hz", "0.05-40Hz", "0.5-40 Hz", "0.15-100 Hz ~50 Hz", "W 50 Hz", "0,05-100 Hz", "BP 0.5~35Hz AC",
    "40Hz", "100 Hz 60~", "MUSCLE 35", "DFT:0.05 LPF:150",
)  # fmt: skip
STRIP_WORDS = {
    "{lead}": 0.75, "": 0.08, "Rhythm {lead}": 0.03, "{lead} rhythm": 0.03, "{lead} (rhythm)": 0.02,
    "RHYTHM STRIP: {lead}": 0.02, "{lead} x1": 0.015, "{lead}c": 0.015,
}  # fmt: skip
SPELLINGS: dict[Spelling, float] = {
    "plain": 0.7, "capitals": 0.12, "small": 0.02, "aVr": 0.05, "Lead I": 0.03, "DI": 0.04, "C1": 0.04,
}  # fmt: skip
SEPARATORS: dict[Separators, float] = {
    "bars": 0.24, "ticks": 0.15, "marks": 0.08, "dashes": 0.12, "lines": 0.07, "dotted lines": 0.1, "none": 0.24,
}  # fmt: skip


def random_page(
    rng: np.random.Generator, *, printed: bool = True, kit_share: float = KIT_SHARE
) -> tuple[PageLayout, PageStyle, Print]:
    """A page to train on: `kit_share` of them the kit's, the others of any maker, from any printer if it is `printed`.

    A page that is not printed, a render or one on a screen, has the rasters of its program only, the kit's not even
    these.
    """
    if rng.random() < kit_share:
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
        speed, gain = _pick(rng, {25.0: 0.75, 50.0: 0.25}), _pick(rng, {10.0: 0.7, 5.0: 0.16, 20.0: 0.14})
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
        across = int(self.form.split("x")[1])
        left, right = self.margins_mm(rng)
        width, tallest = self.room_mm(rng, left + right)
        first, pitches, height = self.rows_mm(rng, tallest)
        closest, gaps = min(pitches, default=tallest), self.marks.gap_mm * (across - 1)
        window_s = _window_s(rng, (width - left - right - gaps) / across / self.speed, across, self.simultaneous)
        if window_s < SHORTEST_S or width > WIDEST_MM:
            raise ValueError(f"windows of {window_s} s on {width:.0f} mm")
        left += rng.uniform(0, 1) * max(width - left - right - gaps - across * window_s * self.speed, 0)
        marks = replace(self.marks, name_dy_mm=min(self.marks.name_dy_mm, 0.5 * closest))  # nearest its own row
        if self.cropped and rng.random() < 0.6:
            marks = replace(marks, legend=())
        end = first + sum(pitches)
        extent = (max(left - self.pulse_mm - 1, 0), first - 0.7 * closest, width - right + 1, end + 0.7 * closest)
        return compose_layout(
            self.form,
            self.rhythm,
            order="cabrera" if self.cabrera else "standard",
            leads=self.leads,
            columns="simultaneous" if self.simultaneous else "sequential",
            speed=self.speed,
            gain=self.gain,
            chest_ratio=self.chest_ratio,
            window_s=window_s,
            size_mm=(float(width), float(height)),
            left_mm=float(left),
            first_mm=float(first),
            pitch_mm=pitches,
            grid=_grid(rng, (width, height), extent, (left, first)),
            marks=marks,
        )

    @property
    def cropped(self) -> bool:
        """Whether the sheet is cut to the traces."""
        return self.sheet == "screen"

    @property
    def pulse_mm(self) -> float:
        """The room that a pulse takes beside the traces."""
        return (self.marks.pulse_s + self.marks.foot_s) * self.speed + self.marks.pulse_gap_mm

    def margins_mm(self, rng: np.random.Generator) -> tuple[float, float]:
        """How far the traces stay off the sheet's sides; a crop may go through the pulses at the left."""
        at_left, at_right = (self.pulse_mm * (self.marks.pulses in (side, "both")) for side in ("left", "right"))
        if self.cropped and rng.random() < 0.5:
            return rng.uniform(0.3, 2 + at_left), rng.uniform(0.1, 2) + at_right
        left = rng.uniform(2, 18) + at_left + (self.marks.names == "left") * 8
        return left, rng.uniform(0.5, 8) + at_right

    def room_mm(self, rng: np.random.Generator, margins: float) -> tuple[float, float]:
        """Width of the sheet, and the height that there is for each row."""
        rows, across = (int(number) for number in self.form.split("x"))
        total = rows + len(self.rhythm)
        if isinstance(self.sheet, tuple):
            return self.sheet[0], self.sheet[1] / total
        if self.sheet == "strip":
            return rng.uniform(200, 330), rng.uniform(80, 150) / total
        seconds = rng.choice([2.5, 5.0, 10.0] if across == 1 else [2.5, RECORDING_S / across])
        return margins + self.marks.gap_mm * (across - 1) + across * seconds * self.speed, LETTER[1] / total

    def rows_mm(self, rng: np.random.Generator, tallest: float) -> tuple[float, tuple[float, ...], float]:
        """Page y of the first row's 0 mV, how far each other row is below the one before, and the sheet's height."""
        rows = int(self.form.split("x")[0])
        total = rows + len(self.rhythm)
        pitch = rng.uniform(*PITCH_MM) if rng.random() < 0.5 else PITCH_MM[1]  # the latter: to fill the sheet
        pitch = min(pitch, tallest * (1 if self.cropped else rng.uniform(0.7, 0.97)))
        if pitch < CLOSEST_MM:
            raise ValueError(f"rows every {pitch:.1f} mm")
        pitches = _pitches(rng, pitch, rows, total)
        if self.cropped:
            first, below = pitch * rng.uniform(0.2, 0.8, 2)
            return first, pitches, first + sum(pitches) + below
        height = total * tallest
        lowest = max(height - sum(pitches) - 0.55 * pitch, 0.6 * pitch)
        return rng.uniform(0.6 * pitch, lowest), pitches, height


def _pitches(rng: np.random.Generator, pitch: float, rows: int, total: int) -> tuple[float, ...]:
    """How far each of `total` rows but the first is below the one before; strips are often nearer or farther."""
    pitches = np.full(total - 1, pitch)
    if rng.random() < 0.35:
        pitches[rows - 1 :] *= rng.uniform(0.6, 1.3)
    if rng.random() < 0.1:
        pitches *= rng.uniform(0.92, 1.08, total - 1)
    return tuple(float(mm) for mm in np.maximum(pitches, CLOSEST_MM))


def _window_s(rng: np.random.Generator, room_s: float, across: int, simultaneous: bool) -> float:
    """How long the windows are where there are `room_s` for each: most often of whole half seconds."""
    longest = RECORDING_S / across * (1.04 if simultaneous and across > 1 and rng.random() < 0.2 else 1.0)
    if rng.random() < 0.25:  # up to the paper's end, or nearly
        longest, step = longest * rng.uniform(0.96, 1), 0.02
    else:
        step = 0.5
    window_s = min(np.floor(room_s / step + 1e-6) * step, longest)
    return float(np.round(np.floor(window_s / 0.02 + 1e-6) * 0.02, 2))


def _pick(rng: np.random.Generator, shares: dict[T, float]) -> T:
    keys, weights = list(shares), np.array(list(shares.values()))
    return keys[rng.choice(len(keys), p=weights / weights.sum())]


def _leads(rng: np.random.Generator, form: str) -> tuple[str, ...] | None:
    """The leads of a page that does not show all twelve."""
    if form in ("6x1", "3x2"):
        return (LIMB, CHEST, CABRERA)[rng.choice(3, p=(0.4, 0.4, 0.2))]
    return TRIPLES[rng.integers(len(TRIPLES))] if form == "3x1" else None


def _marks(rng: np.random.Generator, across: int, speed: float) -> PageMarks:
    pulses: Pulses = _pick(
        rng, {"left": 0.52, "right": 0.15, "both": 0.04, "none": 0.25, "between": 0.04 * (across > 1)}
    )
    pulse_rows: PulseRows = _pick(rng, {"all": 0.88, "first": 0.05, "last": 0.07})
    pulse_s = _pick(rng, {PULSE_S: 0.65, 0.1: 0.2, float(rng.uniform(0.08, 0.3)): 0.15})
    foot_s = rng.uniform(0.01, 0.08) if rng.random() < 0.5 else 0.0
    names: Names = _pick(rng, {"above": 0.48, "below": 0.25, "left": 0.1, "inside": 0.17})
    gap = rng.integers(2, 17) / 2 if rng.random() < 0.12 else 0.0  # mm; whole samples of 500 Hz
    passed = FILTERS[rng.integers(len(FILTERS))]
    legend = tuple(text.replace("{f}", passed) for text in LEGENDS[rng.integers(len(LEGENDS))])
    return PageMarks(
        names=names,
        name_dx_mm=rng.uniform(-1, 4) if rng.random() < 0.8 else rng.uniform(-3, 9),
        name_dy_mm=rng.uniform(*((3, 12), (0.5, 5), (8, 18))[rng.choice(3, p=(0.6, 0.2, 0.2))]),
        spelling=_pick(rng, SPELLINGS),
        inverted_name="-aVR" if rng.random() < 0.8 else "aVR",
        strip_words=_pick(rng, STRIP_WORDS),
        pulses=pulses,
        pulse_rows=pulse_rows,
        pulse_s=pulse_s,
        pulse_gap_mm=foot_s * speed + rng.uniform(0, 5),
        foot_s=foot_s,
        separators=_pick(rng, SEPARATORS),
        separator_width_mm=rng.uniform(0.1, 0.5) if rng.random() < 0.5 else rng.uniform(0.15, 1.2),
        separator_height_mm=rng.uniform(3, 12),
        dash_mm=rng.uniform(0.5, 2.0),
        closing=bool(rng.random() < 0.08),
        gap_mm=max(gap, float(np.ceil(2 * (pulse_s + 2 * foot_s) * speed)) / 2 + 2) if pulses == "between" else gap,
        legend=legend,
        legend_at=(
            rng.uniform(0.01, 0.35 if len(legend) > 1 else 0.85),
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
