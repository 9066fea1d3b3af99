"""A cheap flatbed scanner: a carriage that drifts and jumps, and grey made of the dots of a 1-bit scan."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.warp import COARSE, Warp

MAP_STEP_MM = 0.5  # a jump is over within 1 to 4 mm: the page map of a drifting scan follows it
SCREEN_PX = 256  # side of the tile of a dithering screen, in dots
NOISE_TILE_PX = 1024  # the same of a noisy one, whose repetition must not show


@dataclass(frozen=True)
class Carriage:
    """Picture column `columns_px[i]` shows what a perfect carriage would show `offset_px[i]` further right."""

    columns_px: np.ndarray
    offset_px: np.ndarray

    def place(self, points_px: np.ndarray) -> np.ndarray:
        """Where points (..., 2) of a perfect scan come out, px."""
        shift = np.interp(points_px[..., 0], self.columns_px + self.offset_px, self.offset_px)
        return points_px - np.stack([shift, np.zeros_like(shift)], axis=-1)

    def scan(self, warp: Warp) -> PageMap:
        """Let `warp` draw what this carriage sees; returns the page map of such a drawing."""
        flat = warp.page_map()
        _, rows, cols = warp.mm.shape
        x_px = (np.arange(cols) - 0.5) * COARSE - 0.5
        source = np.arange(cols) + np.interp(x_px, self.columns_px, self.offset_px) / COARSE
        source = source.astype(np.float32)[None].repeat(rows, 0)
        row = np.arange(rows, dtype=np.float32)[:, None].repeat(cols, 1)
        warp.mm = np.stack([cv2.remap(m, source, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                            for m in warp.mm])  # fmt: skip
        return PageMap.from_function(warp.mesh.layout, lambda mm: self.place(flat.to_picture(mm)), MAP_STEP_MM)


@dataclass(frozen=True)
class Scanner:
    """What a scanner does wrong, lengths in page mm.

    `drift_mm` is the spread of a wander over centimetres, `jitter_mm` that of one over millimetres; `jumps` are
    (place as a part of the picture's width, height of the step, half the way it takes). Black-and-white scans are
    1-bit, `dots` x `dots` averaged to a grey pixel: ink paler than `lightest` comes out white, darker than `darkest`
    black, in between as dots of a `screen` whose grain is `grain` dots wide. `blur_dots` is how far pale ink spreads.
    """

    drift_mm: float
    jitter_mm: float
    jumps: tuple[tuple[float, float, float], ...]
    lightest: float
    darkest: float
    screen: str  # "noise", "diffusion" or "ordered"
    grain: float
    blur_dots: float
    paper_dots: float  # density that white paper seems to have
    ink_gain: float  # density of the 5 mm lines after it was stretched to print
    dots: int = 3

    @staticmethod
    def random(rng: np.random.Generator) -> "Scanner":
        jumps = rng.choice(3, p=(0.45, 0.4, 0.15))
        lightest = rng.uniform(-0.02, 0.12)
        return Scanner(
            drift_mm=noise.log_uniform(rng, 0.02, 0.15),
            jitter_mm=noise.log_uniform(rng, 0.01, 0.05),
            jumps=tuple(
                (rng.uniform(0.03, 0.97), rng.choice([-1, 1]) * noise.log_uniform(rng, 0.08, 0.5), rng.uniform(0.6, 2))
                for _ in range(jumps)
            ),
            lightest=lightest,
            darkest=lightest + rng.uniform(0.35, 0.8),
            screen=str(rng.choice(["noise", "diffusion", "ordered"], p=(0.6, 0.25, 0.15))),
            grain=rng.uniform(1.0, 1.8),
            blur_dots=rng.uniform(0.0, 6.0),
            paper_dots=rng.uniform(0.0, 0.06),
            ink_gain=rng.uniform(0.7, 1.6),
        )

    def carriage(self, rng: np.random.Generator, width_px: int, px_per_mm: float) -> Carriage:
        """A run of the carriage over a picture of `width_px`."""
        columns = np.arange(-width_px // 2, width_px + width_px // 2, dtype=np.float64)
        shape = (1, len(columns))
        offset = self.drift_mm * noise.smooth(rng, shape, (1, rng.uniform(25, 90) * px_per_mm))[0]
        offset = offset + self.jitter_mm * noise.smooth(rng, shape, (1, 8 * px_per_mm))[0]
        for place, step_mm, reach_mm in self.jumps:
            offset = offset + step_mm / 2 * np.tanh((columns - place * width_px) / (reach_mm * px_per_mm))
        return Carriage(columns, offset * px_per_mm)

    def threshold(self, grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The 1-bit scan of `grey` (H, W) uint8, `dots` x `dots` averaged to a pixel: (H, W) uint8."""
        height, width = grey.shape
        tile = self._levels(rng)
        fine = grey
        if self.dots > 1:
            fine = cv2.resize(grey, (width * self.dots, height * self.dots), interpolation=cv2.INTER_LINEAR)
        rows, cols = (-(-side // len(tile)) for side in fine.shape)
        bits = cv2.compare(fine, np.tile(tile, (rows, cols))[: fine.shape[0], : fine.shape[1]], cv2.CMP_GT)
        return cv2.resize(bits, (width, height), interpolation=cv2.INTER_AREA) if self.dots > 1 else bits

    def spread(self, grey: np.ndarray) -> np.ndarray:
        """`grey` (H, W) uint8 with its paler ink spread over `blur_dots`, its darker ink as it was."""
        if self.blur_dots < 0.5 * self.dots:
            return grey
        density = 1 - np.arange(256) / 255
        dark = density * np.clip((density - 0.35) / 0.3, 0, 1)
        core = cv2.LUT(grey, (255 * (1 - dark)).astype(np.uint8))
        return cv2.min(core, cv2.GaussianBlur(grey, (0, 0), self.blur_dots / self.dots))

    def _levels(self, rng: np.random.Generator) -> np.ndarray:
        """A square tile of greys, uint8, above which a dot of the scan is white."""
        if self.screen == "noise":
            tile = noise.tiled(rng, (NOISE_TILE_PX, NOISE_TILE_PX), self.grain, NOISE_TILE_PX)
            order = np.clip(
                0.5 + tile / np.float32(4.0 * tile.std()), 0.0, 1.0
            )  # rarely as low as 0: few dots on paper
        elif self.screen == "diffusion":
            order = np.roll(blue_noise(), tuple(rng.integers(0, SCREEN_PX, 2)), (0, 1))
        else:
            order = clustered()
        density = self.lightest + (self.darkest - self.lightest) * order - self.paper_dots
        return np.clip(255 * (1 - density), 0, 254).astype(np.uint8)


@cache
def blue_noise() -> np.ndarray:
    """A screen (SCREEN_PX, SCREEN_PX) float32, 0 to 1, whose dots keep apart as those of error diffusion do.

    White noise, its low frequencies taken out and its ranks spread evenly again, a few times over.
    """
    field = np.random.default_rng(0).random((SCREEN_PX, SCREEN_PX)).astype(np.float32)
    for _ in range(40):
        wide = np.tile(field, (3, 3))
        high = (wide - cv2.GaussianBlur(wide, (0, 0), 1.5))[SCREEN_PX:-SCREEN_PX, SCREEN_PX:-SCREEN_PX]
        field = np.empty(SCREEN_PX**2, np.float32)
        field[np.argsort(high, axis=None)] = np.arange(SCREEN_PX**2) / np.float32(SCREEN_PX**2)
        field = field.reshape(SCREEN_PX, SCREEN_PX)
    return field


@cache
def clustered() -> np.ndarray:
    """A screen (SCREEN_PX, SCREEN_PX) float32, 0 to 1, of round dots at 45 degrees, 8 dots of the scan apart."""
    rows, cols = np.mgrid[0:SCREEN_PX, 0:SCREEN_PX] * (2 * np.pi / 8)
    return (0.5 - (np.cos(rows) * np.cos(cols)) / 2).astype(np.float32)
