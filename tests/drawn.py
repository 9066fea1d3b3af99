"""Frames drawn by hand: a line of ink where a layout says, nothing else; and the kit's lines as a sheet has them."""

import numpy as np

from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.rectify.snapping import snapping_mm
from ecgpipe.trace.strips import FS_HZ

SMALL_FRAME = FrameSpec(raster=Raster(100, 20))  # a tenth of the pixels, 5 samples a column


def wave(rng: np.random.Generator) -> np.ndarray:
    """A smooth series (12, 5000) in mV."""
    t = np.arange(10 * FS_HZ) / FS_HZ
    return np.stack([np.sin(2 * np.pi * rng.uniform(0.3, 1) * t + rng.uniform(0, 6)) for _ in LEADS]) * 0.6


def drawn_frame(rows: np.ndarray, spec: FrameSpec) -> np.ndarray:
    """A white frame (H, W, 3) with the row series (rows, n) in mV at 500 Hz drawn on it, a soft line 0.5 mm wide."""
    layout, (height, width) = spec.layout, spec.shape
    y = np.arange(height)[:, None]
    x_mm = np.arange(width) / spec.px_per_mm_x
    frame = np.full((height, width), 255.0)
    for row, mv in enumerate(rows):
        printed_mm = layout.left_mm + np.arange(len(mv)) / FS_HZ * layout.speed_mm_per_s
        centre = np.interp(x_mm, printed_mm, mv, left=np.nan, right=np.nan)
        centre = spec.baseline_px(row) - centre * spec.raster.px_per_mv
        ink = np.exp(-(((y - centre) / spec.px_per_mm_y / 0.4) ** 2))
        frame = np.minimum(frame, 255 - 235 * np.nan_to_num(ink))
    return np.repeat(frame[..., None], 3, axis=2).astype(np.uint8)


def residuals_of(place: int, noise_mm: float) -> np.ndarray:
    """What a smooth sheet leaves of a page's lines that stands `place` boxes right of where it was thought to be."""
    offsets = np.zeros((46, 58, 2))
    across, down = (snapping_mm(KIT, axis, n, -1 + place * (axis == 0)) for axis, n in ((0, 58), (1, 46)))
    offsets += np.stack(np.broadcast_arrays(across[None, :], down[:, None]), axis=-1)
    return offsets + np.random.default_rng(2).normal(0, noise_mm, (1, 58, 2))
