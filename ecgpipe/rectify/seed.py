"""Local spectra of the picture: where is there a square grid, which way does it run, how large are its boxes?"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM

# "Log" is the section "Rectification" of docs/log.md; of values without a reference no choice is recorded.
TILE_PX = 320  # side of a tile of which the spectrum is taken (log); holds 7 of the largest boxes
BOX_RANGE_PX = (10.0, 44.0)  # sides of a box: in a picture of 2000 px the page is 28 to 125 % of it
FINE_RANGE_PX = (4.0, 12.0)  # between lines of a millimetre that are all alike: finer ones are blurred away
FREQUENCY_COUNT = 240  # of which each is tried as the fundamental
# Times the typical spectrum: lines above the first are all as clear, below the second it may be noise.
MOST, NOISE = 30.0, 3.5
# Weight of the logarithm of what exceeds MOST. Without it a clean render, whose whole spectrum exceeds MOST, may give a
# wrong box (log, "Reading, longer": clean renders refused).
LOG_BEYOND = 0.15
HARMONICS = 11  # of the box that are summed; the fifth and the tenth are the 1 mm grid's too
TOP_FREQUENCY = 0.45  # cycles/px, just below the Nyquist frequency
ENERGY_BAND = (32, 5)  # of a direction the energy from 1/32 to 2/5 cycles/px counts
ANGLE_STEP_DEG = 1.0
AGREEMENT = 0.15  # of a box, along and across: tiles that differ by less may see one sheet
MAX_SKEW_DEG = 35.0  # of the angle between the two line families from a right one, in perspective
ASPECT = (0.55, 1.8)  # of the boxes' sides, in perspective


@dataclass(frozen=True)
class Seed:
    """A grid seen in one tile: `mm_to_px` (2, 2) px per mm about `centre_px` (2,); the higher `score`, the clearer.

    Of the lines that it was told by there are `lines_per_box`.
    """

    centre_px: np.ndarray
    mm_to_px: np.ndarray
    score: float
    lines_per_box: int = 1


def find_seeds(dark: np.ndarray, count: int | None = 6, lines_per_box: int = 1) -> list[Seed]:
    """The `count` tiles, or all, of a contrast picture (H, W) that look most like ECG paper, best first.

    It is looked for the heavy lines of the boxes, or for `lines_per_box` = 5 lines that are all alike.
    To a tile's score those of the tiles that see the same grid are added: paper is the same all over, wood is not.
    """
    tile = tile_side_px(dark.shape)
    window = np.outer(np.hanning(tile), np.hanning(tile)).astype(np.float32)
    corners = [(top, left) for top in _starts(dark.shape[0], tile) for left in _starts(dark.shape[1], tile)]

    def seen(half: int) -> list[Seed | None]:
        return [
            _tile_seed(dark[top : top + tile, left : left + tile], window, (left, top), lines_per_box)
            for top, left in corners[half::2]
        ]

    found: list[Seed | None] = [None] * len(corners)
    found[::2], found[1::2] = both(seen)
    seeds = [seed for seed in found if seed is not None]
    if not seeds:
        return []
    scores = np.array([seed.score for seed in seeds])
    ranked = np.argsort(-(_agreement(seeds) @ scores + scores), kind="stable")
    return [seeds[k] for k in ranked[:count]]


def tile_side_px(shape: tuple[int, ...]) -> int:
    """The side of the tiles in which a picture of `shape` is searched, an even number."""
    return max(min(TILE_PX, *shape[:2]) // 2 * 2, 2)


def same_boxes(seed: Seed, other: Seed) -> bool:
    """Whether two tiles may lie on one sheet: their boxes are nearly the same."""
    return bool(_agreement([seed, other])[0, 1])


def _agreement(seeds: list[Seed]) -> np.ndarray:
    """Which pairs of tiles (n, n) have nearly the same boxes."""
    boxes = np.stack([seed.mm_to_px for seed in seeds])
    other_in_one = np.linalg.inv(boxes)[:, None] @ boxes[None]
    return np.abs(other_in_one - np.eye(2)).max(axis=(2, 3)) < AGREEMENT


def _starts(length: int, tile: int) -> np.ndarray:
    return np.linspace(0, length - tile, max(1, round(2 * length / tile) - 1)).astype(int)


def _tile_seed(patch: np.ndarray, window: np.ndarray, corner_px: tuple[int, int], lines_per_box: int) -> Seed | None:
    tile = len(patch)
    if not patch.any():
        return None
    frequencies = _frequencies(lines_per_box)
    polar = _polar(_half_spectrum((patch - patch.mean()) * window))  # (angle, frequency), bins of 1 / tile cycles a px
    # Lines stand out in their own direction only: the median over all directions is noise, stains, letters (log).
    polar = polar / np.maximum(np.median(polar, axis=0), 1e-6)
    polar = np.where(polar > MOST, MOST * (1 + LOG_BEYOND * np.log(np.maximum(polar, MOST) / MOST)), polar)
    low, high = ENERGY_BAND
    energy = polar[:, tile // low : (2 * tile) // high].mean(axis=1)
    first = int(energy.argmax())
    away = np.abs((np.arange(len(energy)) * ANGLE_STEP_DEG - first * ANGLE_STEP_DEG) % 180.0 - 90.0)
    second = int(np.where(away < MAX_SKEW_DEG, energy, 0.0).argmax())
    wave_a, wave_b = (_fundamental(polar, angle, tile, frequencies) for angle in (first, second))
    if wave_a is None or wave_b is None:
        return None
    (freq_a, score_a), (freq_b, score_b) = wave_a, wave_b
    if not ASPECT[0] < freq_a / freq_b < ASPECT[1]:
        return None
    vectors = [
        f * np.array([np.cos(a), np.sin(a)])
        for f, a in ((freq_a, np.deg2rad(first * ANGLE_STEP_DEG)), (freq_b, np.deg2rad(second * ANGLE_STEP_DEG)))
    ]
    mm_to_px = np.linalg.inv(upright(vectors) * BOX_MM / lines_per_box)
    return Seed(np.array(corner_px) + tile / 2, mm_to_px, float(min(score_a, score_b)), lines_per_box)


@cache
def _frequencies(lines_per_box: int) -> np.ndarray:
    """The frequencies (FREQUENCY_COUNT,) in cycles/px that lines may have."""
    return 1.0 / np.geomspace(*(BOX_RANGE_PX if lines_per_box == 1 else FINE_RANGE_PX), FREQUENCY_COUNT)


def _half_spectrum(patch: np.ndarray) -> np.ndarray:
    """The magnitudes (n, n // 2) at the frequencies of a patch (n, n), n even, not negative along x; the others
    mirror them. Along y frequency 0 is in the middle."""
    packed = cv2.dft(patch)  # each frequency along x but the first and the last has two columns, its two parts
    magnitude = np.empty((len(patch), len(patch) // 2), np.float32)
    magnitude[:, 0] = np.abs(np.fft.fft(patch.sum(axis=1)))
    magnitude[:, 1:] = np.sqrt(packed[:, 1:-1:2] ** 2 + packed[:, 2:-1:2] ** 2)
    return np.roll(magnitude, len(patch) // 2, axis=0)


def _polar(magnitude: np.ndarray) -> np.ndarray:
    """A half spectrum in polar coordinates: a row for each angle of 0 to 180 degrees, a column for each radius."""
    return cv2.remap(magnitude, *_rays(len(magnitude)), cv2.INTER_LINEAR)


@cache
def _rays(tile: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of `_polar` are in a half spectrum, x and y (angles, radii) each; mirrored beyond 90 degrees."""
    angles = np.deg2rad(np.arange(0.0, 180.0, ANGLE_STEP_DEG, dtype=np.float32))[:, None]
    radii = np.arange(tile // 2, dtype=np.float32)[None, :]
    side = np.where(np.cos(angles) < 0, -1, 1).astype(np.float32)
    return side * radii * np.cos(angles), tile // 2 + side * radii * np.sin(angles)


def _fundamental(polar: np.ndarray, angle: int, tile: int, frequencies: np.ndarray) -> tuple[float, float] | None:
    """Which of `frequencies` in cycles/px the lines across `angle` have, and by how much their harmonics exceed the
    noise."""
    profile = polar[np.arange(angle - 1, angle + 2) % len(polar)].max(axis=0) - NOISE
    comb = frequencies[:, None] * np.arange(1, HARMONICS + 1)
    heights = np.interp(comb * tile, np.arange(len(profile)), profile) * (comb <= TOP_FREQUENCY)
    scores = heights.sum(axis=1)
    best = int(scores.argmax())
    return (frequencies[best], scores[best]) if scores[best] > 0 else None


def upright(vectors: list[np.ndarray]) -> np.ndarray:
    """Rows (2, 2): first the vector that runs nearer to x, pointing right; then the other, pointing down."""
    across, down = sorted(vectors, key=lambda v: -abs(v[0]) / np.linalg.norm(v))
    return np.stack([across * np.sign(across[0]), down * np.sign(down[1])])
