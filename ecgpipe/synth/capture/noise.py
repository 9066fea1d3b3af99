"""Random fields: made small, enlarged smoothly, so that a picture-sized field costs milliseconds."""

import cv2
import numpy as np


def smooth(rng: np.random.Generator, shape: tuple[int, int], cell: float | tuple[float, float]) -> np.ndarray:
    """A field (H, W) float32 of zero mean and unit spread whose bumps are about `cell` (y, x) pixels wide."""
    cells = np.broadcast_to(cell, 2)
    small = [max(2, round(size / c) + 2) for size, c in zip(shape, cells, strict=True)]
    field = rng.standard_normal(small, dtype=np.float32)
    return cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)


def fractal(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 4) -> np.ndarray:
    """Sum of `octaves` smooth fields, each half as wide and half as strong as the one before; unit spread."""
    total = np.zeros(shape, np.float32)
    weights = 0.5 ** np.arange(octaves)
    for octave, weight in enumerate(weights):
        total += np.float32(weight) * smooth(rng, shape, max(cell / 2**octave, 1.0))
    return total / np.float32(np.hypot.reduce(weights))


def tiled(rng: np.random.Generator, shape: tuple[int, int], cell: float = 1.0, side: int = 768) -> np.ndarray:
    """As `smooth`, for fine grain over a large picture: a tile of `side` pixels, repeated."""
    tile = smooth(rng, (side, side), cell) if cell > 1 else rng.standard_normal((side, side), dtype=np.float32)
    rows, cols = (-(-size // side) for size in shape)
    return np.tile(tile, (rows, cols))[: shape[0], : shape[1]]


def step(field: np.ndarray, softness: float) -> np.ndarray:
    """0 below and 1 above zero, with a linear ramp of `softness` units of the field in between."""
    return np.clip(field / np.float32(softness) + np.float32(0.5), 0, 1)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between `low` and `high`, each factor as likely as any other."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
