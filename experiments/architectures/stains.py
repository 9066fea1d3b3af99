"""Stains that hide a stretch of a trace for good: what is under them can only be guessed."""

import numpy as np

from ecgpipe.trace.strips import PAPER, StripSpec

SHORTEST_S, LONGEST_S = 0.1, 0.5  # wide
HIGH_MV = (1.0, 4.0)
BESIDE_MV = 0.25  # standard deviation of how far a stain's middle lies above or below the row's usual height
EDGE_PX = 1.5  # over which a stain fades
LINE_PX = 2.0  # half of a trace's width: a sample is hidden if the stain covers all of it
COLOURS = ((PAPER, PAPER, PAPER), (240, 240, 240), (120, 85, 50), (60, 60, 60), (25, 25, 30), (35, 50, 130))


def stained(
    image: np.ndarray, heights: np.ndarray, spec: StripSpec, rng: np.random.Generator, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """A crop of a strip (H, W, 3) uint8 with `count` stains side by side, and which samples (T,) of its trace, at
    `heights` (T,) px, they hide.

    A stain is 0.1 to 0.5 s wide and 1 to 4 mV high, of one colour, opaque and uneven; where in it the trace lies is
    chance, and a tall wave may look out.
    """
    known = np.flatnonzero(np.isfinite(heights))
    hidden = np.zeros(len(heights), bool)
    if not len(known):
        return image, hidden
    per_px = spec.samples_per_px
    first, last = known[0] // per_px, known[-1] // per_px
    share = (last - first) / count
    for index in range(count):
        middle = first + share * (index + rng.uniform(0.2, 0.8))
        image, under = _one(image, heights, middle, spec, rng)
        hidden |= under
    return image, hidden


def _one(
    image: np.ndarray, heights: np.ndarray, middle_px: float, spec: StripSpec, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    raster = spec.frame.raster
    half_wide = rng.uniform(SHORTEST_S, LONGEST_S) / 2 * raster.px_per_s
    half_high = rng.uniform(*HIGH_MV) / 2 * raster.px_per_mv
    across = np.nanmedian(heights) + rng.normal(0, BESIDE_MV) * raster.px_per_mv
    waves, phases = rng.normal(0, 0.04, 4), rng.uniform(0, 2 * np.pi, 4)

    def inside_px(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far within the stain points lie, in px, negative outside: a rounded rectangle with a ragged rim."""
        u, v = (x - middle_px) / half_wide, (y - across) / half_high
        angle = np.arctan2(v, u)
        ragged = 1 + sum(a * np.sin((k + 2) * angle + p) for k, (a, p) in enumerate(zip(waves, phases, strict=True)))
        return (np.minimum(ragged, 1.0) - (u**6 + v**6) ** (1 / 6)) * min(half_wide, half_high)

    near = slice(max(int(middle_px - half_wide) - 2, 0), int(middle_px + half_wide) + 4)
    part = image[:, near].astype(np.float32)
    x, y = np.arange(near.start, near.start + part.shape[1]), np.arange(part.shape[0])[:, None]
    cover = np.clip(inside_px(x, y) / EDGE_PX + 0.5, 0, 1)[..., None]
    colour = np.array(COLOURS[rng.integers(len(COLOURS))]) + rng.normal(0, rng.uniform(1, 6), part.shape)
    painted = image.copy()
    painted[:, near] = np.clip(part + cover * (colour - part), 0, 255)
    samples = np.arange(len(heights)) / spec.samples_per_px
    covered = [inside_px(samples, np.nan_to_num(heights, nan=-1e4) + side) > EDGE_PX for side in (-LINE_PX, LINE_PX)]
    return painted, covered[0] & covered[1]
