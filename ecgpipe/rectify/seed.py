"""Local spectra of the picture: where is there a square grid, which way does it run, how large are its boxes?"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

from ecgpipe.page.layout import BOX_MM

TILE_PX = 320
BOX_RANGE_PX = (10.0, 44.0)  # in a picture of 2000 px: the page is 28 to 125 % of it
FREQUENCIES = 1.0 / np.geomspace(*BOX_RANGE_PX, 240)  # cycles/px
MOST, NOISE = 30.0, 3.5  # times the typical spectrum: lines above it are all clear, and what noise may reach
BEYOND = 0.15  # what a clear line is worth more, per e-fold; in a clean render even what lies between lines is clear
TEETH, TOP_FREQUENCY = 11, 0.45  # harmonics counted, below the pixels' own limit
ANGLE_STEP_DEG = 1.0
AGREEMENT = 0.15  # of a box, along and across
MAX_SKEW_DEG = 35.0  # the two families of lines may be this far from a right angle


@dataclass(frozen=True)
class Seed:
    """A grid seen in one tile: `mm_to_px` (2, 2) px per mm about `centre_px` (2,); `score` compares tiles."""

    centre_px: np.ndarray
    mm_to_px: np.ndarray
    score: float


def find_seeds(dark: np.ndarray, count: int = 6) -> list[Seed]:
    """The `count` tiles of a contrast picture (H, W) that look most like ECG paper, best first.

    A tile's score grows by those of the tiles that see the same grid: paper agrees with itself, wood does not.
    """
    height, width = dark.shape
    tile = min(TILE_PX, height, width)
    window = np.outer(np.hanning(tile), np.hanning(tile)).astype(np.float32)
    seeds = []
    for top in _starts(height, tile):
        for left in _starts(width, tile):
            patch = dark[top : top + tile, left : left + tile]
            seed = _tile_seed((patch - patch.mean()) * window, np.array([left, top]) + tile / 2)
            if seed is not None:
                seeds.append(seed)
    if not seeds:
        return []
    scores = np.array([seed.score for seed in seeds])
    ranked = np.argsort(-(_agreement(seeds) @ scores + scores), kind="stable")
    return [seeds[k] for k in ranked[:count]]


def _agreement(seeds: list[Seed]) -> np.ndarray:
    """Which tiles (n, n) may lie on one sheet: a box of the one is nearly a box of the other."""
    boxes = np.stack([seed.mm_to_px for seed in seeds])
    other_in_one = np.linalg.inv(boxes)[:, None] @ boxes[None]
    return np.abs(other_in_one - np.eye(2)).max(axis=(2, 3)) < AGREEMENT


def _starts(length: int, tile: int) -> np.ndarray:
    return np.linspace(0, length - tile, max(1, round(2 * length / tile) - 1)).astype(int)


def _tile_seed(patch: np.ndarray, centre_px: np.ndarray) -> Seed | None:
    tile = len(patch)
    magnitude = np.abs(fft.fftshift(fft.fft2(patch))).astype(np.float32)
    polar = _polar(magnitude)  # (angle, frequency), bins of 1 / tile cycles per px
    # Lines stand out in their own direction only: the median over all of them is noise, stains, letters.
    polar = polar / np.maximum(np.median(polar, axis=0), 1e-6)
    polar = np.where(polar > MOST, MOST * (1 + BEYOND * np.log(np.maximum(polar, MOST) / MOST)), polar)
    energy = polar[:, tile // 32 : (2 * tile) // 5].mean(axis=1)
    first = int(energy.argmax())
    away = np.abs((np.arange(len(energy)) * ANGLE_STEP_DEG - first * ANGLE_STEP_DEG) % 180.0 - 90.0)
    second = int(np.where(away < MAX_SKEW_DEG, energy, 0.0).argmax())
    waves = [_fundamental(polar, angle, tile) for angle in (first, second)]
    if any(wave is None for wave in waves):
        return None
    (freq_a, tooth_a), (freq_b, tooth_b) = waves
    ratio = freq_a / freq_b
    if not 0.55 < ratio < 1.8:
        return None
    vectors = [
        f * np.array([np.cos(a), np.sin(a)])
        for f, a in ((freq_a, np.deg2rad(first * ANGLE_STEP_DEG)), (freq_b, np.deg2rad(second * ANGLE_STEP_DEG)))
    ]
    return Seed(centre_px, np.linalg.inv(_upright(vectors) * BOX_MM), float(min(tooth_a, tooth_b)))


def _polar(magnitude: np.ndarray) -> np.ndarray:
    """Half the spectrum by angle (180 rows of 1 degree) and radius."""
    centre, radius = len(magnitude) // 2, len(magnitude) // 2
    angles = np.deg2rad(np.arange(0.0, 180.0, ANGLE_STEP_DEG, dtype=np.float32))[:, None]
    radii = np.arange(radius, dtype=np.float32)[None, :]
    x, y = centre + radii * np.cos(angles), centre + radii * np.sin(angles)
    return cv2.remap(magnitude, x, y, cv2.INTER_LINEAR)


def _fundamental(polar: np.ndarray, angle: int, tile: int) -> tuple[float, float] | None:
    """Frequency in cycles/px of the 5 mm lines across `angle` and how far their harmonics stand out."""
    profile = polar[np.arange(angle - 1, angle + 2) % len(polar)].max(axis=0) - NOISE
    teeth = FREQUENCIES[:, None] * np.arange(1, TEETH + 1)
    heights = np.interp(teeth * tile, np.arange(len(profile)), profile) * (teeth <= TOP_FREQUENCY)
    scores = heights.sum(axis=1)
    best = int(scores.argmax())
    return (FREQUENCIES[best], scores[best]) if scores[best] > 0 else None


def _upright(vectors: list[np.ndarray]) -> np.ndarray:
    """Rows (2, 2): the wave that runs nearer to x first, both pointing right and down, so that nothing is mirrored."""
    across, down = sorted(vectors, key=lambda v: -abs(v[0]) / np.linalg.norm(v))
    return np.stack([across * np.sign(across[0]), down * np.sign(down[1])])
