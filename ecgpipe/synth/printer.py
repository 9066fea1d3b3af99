"""What a printer does to a page: its raster, black ink beside the coloured ink, toner that spreads, halftones."""

from dataclasses import dataclass

import numpy as np

from ecgpipe.page.layout import MM_PER_INCH

Phase = tuple[float, float]  # share of a raster pixel along x and y

LINE_DPI = (100, 150, 200, 203, 300, 400, 600, 1200)  # of programs, thermal heads and laser printers
WAVE_PERIOD_MM = (60.0, 120.0)  # circumference of a printer's rollers and drums
WAVE_MM = (0.010, 0.090)  # amplitude: what scans of prints show
# Black ink on 20 photos of prints lies 10 to 41 µm rms beside the grid, on eight black-and-white scans 26 to 115 µm.
LASER_WAVE_MM, LASER_OFFSET_MM = (0.012, 0.055), 0.030
OFFSET_MM = 0.040  # between the passes of black and of colour
SPREAD_MM = 0.08  # at most, on either side of a stroke


@dataclass(frozen=True)
class Print:
    """A printer; the default one prints every line and trace at its exact place.

    `line_dpi` and `trace_dpi` are the rasters, with their phases, to which grid lines and vertices of traces are
    rounded. Black ink lies beside the grid by an offset plus a wave along x of `period_mm` and its second harmonic:
    `wave_mm` has their amplitudes along x, those along y are `y_share` of them. It is the same in every row.
    `spread_mm` is how much ink grows on either side, and `halftone_mm` the pitch of the dots that coloured lines are
    made of.
    """

    line_dpi: float | None = None
    line_phase: Phase = (0.0, 0.0)
    trace_dpi: float | None = None
    trace_phase: Phase = (0.0, 0.0)
    offset_mm: tuple[float, float] = (0.0, 0.0)
    wave_mm: tuple[float, float] = (0.0, 0.0)
    wave_phase: tuple[float, float] = (0.0, 0.0)
    period_mm: float = WAVE_PERIOD_MM[1]
    y_share: float = 0.0
    spread_mm: float = 0.0
    halftone_mm: float | None = None

    @staticmethod
    def none() -> "Print":
        """The page as it was computed, on no printer."""
        return Print()

    @staticmethod
    def laser(rng: np.random.Generator) -> "Print":
        """A laser printer on which the kit's page, at its own raster, has its black ink as far beside its colours as
        real prints of it do: by a wave of 12 to 55 µm, small ones as often as large ones, its harmonic, and an offset
        of up to 30."""
        wave = float(np.exp(rng.uniform(*np.log(LASER_WAVE_MM))))
        return Print(
            offset_mm=tuple(rng.uniform(-LASER_OFFSET_MM, LASER_OFFSET_MM, 2) * (1.0, 0.6)),
            wave_mm=(wave, wave * rng.uniform(0, 0.5)),
            wave_phase=tuple(rng.uniform(0, 2 * np.pi, 2)),
            period_mm=rng.uniform(*WAVE_PERIOD_MM),
            y_share=rng.uniform(0, 0.3),
            spread_mm=rng.uniform(0, SPREAD_MM) if rng.random() < 0.4 else 0.0,
        )

    @staticmethod
    def random(rng: np.random.Generator) -> "Print":
        """A printer: mostly with a raster and a wave, now and then a perfect one."""
        wave = rng.uniform(*WAVE_MM) if rng.random() < 0.75 else 0.0
        return Print(
            line_dpi=_dpi(rng) if rng.random() < 0.7 else None,
            line_phase=tuple(rng.random(2)),
            trace_dpi=_dpi(rng) if rng.random() < 0.5 else None,
            trace_phase=tuple(rng.random(2)),
            offset_mm=tuple(rng.uniform(-OFFSET_MM, OFFSET_MM, 2) * (1.0, 0.6) * (wave > 0)),
            wave_mm=(wave, wave * rng.uniform(0, 0.5)),
            wave_phase=tuple(rng.uniform(0, 2 * np.pi, 2)),
            period_mm=rng.uniform(*WAVE_PERIOD_MM),
            y_share=rng.uniform(0, 0.3),
            spread_mm=rng.uniform(0, SPREAD_MM) if rng.random() < 0.4 else 0.0,
            halftone_mm=rng.uniform(0.2, 0.5) if rng.random() < 0.12 else None,
        )

    @staticmethod
    def random_screen(rng: np.random.Generator) -> "Print":
        """A page that never was on paper: at most the rasters of the program that drew it."""
        printer = Print.random(rng)
        return Print(printer.line_dpi, printer.line_phase, printer.trace_dpi, printer.trace_phase)

    @property
    def moves_ink(self) -> bool:
        """Whether black ink is displaced at all."""
        return any(self.offset_mm) or any(self.wave_mm)

    def ink_shift_mm(self, x_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Displacement in mm, to the right and down, of ink meant for page `x_mm`; both of its shape."""
        turns = 2 * np.pi * np.asarray(x_mm, np.float64) / self.period_mm
        first, second = (
            amplitude * np.stack([np.sin(k * turns + phase), np.cos(k * turns + 2 * phase)])
            for k, amplitude, phase in zip((1, 2), self.wave_mm, self.wave_phase, strict=True)
        )
        along_x, along_y = first + second
        return self.offset_mm[0] + along_x, self.offset_mm[1] + self.y_share * along_y

    def inked_mm(self, points_mm: np.ndarray) -> np.ndarray:
        """Where the vertices (2, n) mm of a trace come to lie: displaced, then rounded to the raster."""
        moved = points_mm + np.stack(self.ink_shift_mm(points_mm[0])) if self.moves_ink else points_mm
        if self.trace_dpi is None:
            return moved
        return np.stack([_snapped(mm, self.trace_dpi, p) for mm, p in zip(moved, self.trace_phase, strict=True)])

    def stroke_mm(self, width_mm: float) -> float:
        """The width on paper of a stroke of ink: whole pixels of the raster, and the spread at both sides."""
        if self.trace_dpi is not None:
            pixel_mm = MM_PER_INCH / self.trace_dpi
            width_mm = max(1, round(width_mm / pixel_mm)) * pixel_mm
        return width_mm + 2 * self.spread_mm

    def lines_mm(self, lines_mm: np.ndarray, axis: int) -> np.ndarray:
        """Where grid lines meant for `lines_mm` along `axis` (0 is x) are printed."""
        return lines_mm if self.line_dpi is None else _snapped(lines_mm, self.line_dpi, self.line_phase[axis])

    def dither(self, page: np.ndarray, paper: tuple[int, int, int], px_per_mm: float) -> None:
        """Print the coloured ink of `page` (H, W, 3) uint8 in place as dots every `halftone_mm`, of the same mean
        density."""
        if self.halftone_mm is None:
            return
        height, width = page.shape[:2]
        turns = 2 * np.pi / (self.halftone_mm * px_per_mm) / np.sqrt(2)  # a screen at 45 degrees
        x, y = (np.arange(length, dtype=np.float32) * turns for length in (width, height))
        density = 1 + 0.6 * np.outer(np.cos(y), np.cos(x))
        pixels, inked = page.reshape(-1, 3), np.flatnonzero((page != np.array(paper, np.uint8)).any(axis=2))
        base = np.array(paper, np.float32)
        change = (pixels[inked] - base) * density.ravel()[inked, None]
        pixels[inked] = np.clip(base + change, 0, 255).round()


def _snapped(mm: np.ndarray, dpi: float, phase: float) -> np.ndarray:
    """The nearest places among the middles of a raster's pixels."""
    px_per_mm = dpi / MM_PER_INCH
    return (np.rint(mm * px_per_mm - phase) + phase) / px_per_mm


def _dpi(rng: np.random.Generator) -> float:
    return (
        float(rng.choice(LINE_DPI))
        if rng.random() < 0.7
        else float(np.round(np.exp(rng.uniform(*np.log((100, 1200))))))
    )
