"""A regular lattice of grid coordinates, its picture positions, and how far the printed lines are from where it says.

Coordinates are millimetres from a crossing of two 5 mm lines: any crossing while boxes are only counted from a seed,
the page's first one (layout.GRID_LEFT_MM, GRID_TOP_MM) once the sheet is anchored.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM

# Of the canvas, coarse for looking and fine for measuring: lines narrower than its pixels come out at wrong places.
CANVAS_PX_PER_MM, FINE_PX_PER_MM = 3.2, 6.4
# Lines are averaged over pieces of this length in mm, then the median of so many is taken: most of what crosses them
# is shorter. Brief pieces follow a fold, but ask that the trace is left out.
LONG, BRIEF = (2.5, 5), (1.25, 3)
LEAST_KNOWN = 0.3  # share of a piece below which its neighbours stand in for it
PEAK_MM = 1.2
FAINTEST = 0.003  # mean ink below which lines are taken for noise
# Fourier coefficient over mean ink: wood and noise stay below the first, clean grids pass the second.
COHERENCE = (0.03, 0.15)


@dataclass(frozen=True)
class Lattice:
    """`nodes` (rows, cols, 2) picture px of the points `origin_mm + step_mm * (col, row)`."""

    nodes: np.ndarray
    step_mm: float
    origin_mm: np.ndarray

    @property
    def points_mm(self) -> np.ndarray:
        rows, cols = self.nodes.shape[:2]
        xs, ys = np.meshgrid(np.arange(cols), np.arange(rows))
        return np.stack([xs, ys], axis=-1) * self.step_mm + self.origin_mm

    def moved(self, nodes: np.ndarray) -> "Lattice":
        """The lattice with other picture positions."""
        return replace(self, nodes=nodes)

    def scaled(self, scale: np.ndarray) -> "Lattice":
        """The lattice in a picture of `scale` (x, y) times as many pixels."""
        return self.moved((self.nodes + 0.5) * scale - 0.5)

    def canvas(self, image: np.ndarray, px_per_mm: float = CANVAS_PX_PER_MM) -> np.ndarray:
        """`image` resampled, a cell of the lattice about each node; 0 outside."""
        rows, cols = self.nodes.shape[:2]
        cell_px = round(self.step_mm * px_per_mm)
        map_xy = cv2.resize(self.nodes.astype(np.float32), (cols * cell_px, rows * cell_px))
        return cv2.remap(image, map_xy[..., 0], map_xy[..., 1], cv2.INTER_LINEAR, borderValue=0)

    def at(self, shift_mm: np.ndarray) -> np.ndarray:
        """Picture positions (rows, cols, 2) of the nodes moved along the lattice by `shift_mm` (rows, cols, 2)."""
        gx = (np.arange(self.nodes.shape[1])[None, :] + shift_mm[..., 0] / self.step_mm).astype(np.float32)
        gy = (np.arange(self.nodes.shape[0])[:, None] + shift_mm[..., 1] / self.step_mm).astype(np.float32)
        return sample_linear(self.nodes, gx, gy)


def sample_linear(field: np.ndarray, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`field` (rows, cols, k) at fractional positions, extrapolated linearly past its border."""
    x0 = np.clip(np.floor(cols).astype(int), 0, field.shape[1] - 2)
    y0 = np.clip(np.floor(rows).astype(int), 0, field.shape[0] - 2)
    fx, fy = (cols - x0)[..., None], (rows - y0)[..., None]
    top = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    bottom = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


@dataclass(frozen=True)
class Misfit:
    """`shift_mm` (rows, cols, 2): the printed line near a node lies this far right and down, modulo one box.

    `weight` (rows, cols, 2) in 0…1 says how clearly the lines across x and across y were seen.
    """

    shift_mm: np.ndarray
    weight: np.ndarray


def measure(
    lattice: Lattice,
    dark: np.ndarray,
    window_mm: float,
    *,
    harmonics: int,
    reach_mm: float = PEAK_MM,
    px_per_mm: float = CANVAS_PX_PER_MM,
    pieces: tuple[float, int] = LONG,
) -> Misfit:
    """Where the 5 mm lines about every node are, seen through a Gaussian window of standard deviation `window_mm`.

    What is NaN in `dark` is not known: something covers the lines there, and they are told from the rest.

    A line family at x = 5k + d has the Fourier coefficients H_h = exp(-2πi h d / 5) at h cycles a box, and d is the
    peak within `reach_mm` of the sum of H_h exp(2πi h d / 5). Up to four `harmonics` are blind to the 1 mm grid, which
    begins at the fifth, and may look far; with twelve the peak is as narrow as a line, and neither a QRS complex beside
    it nor the next 1 mm line, printed up to half a pixel off its own place, pulls any more.
    """
    canvas = lattice.canvas(dark, px_per_mm)
    known = ~np.isnan(canvas)
    ink, share = np.where(known, canvas, np.float32(0.0)), known.astype(np.float32)
    how = {"window_mm": window_mm, "harmonics": harmonics, "reach_mm": reach_mm, "pieces": pieces}
    across, down = both(lambda axis: _along(lattice, axis, ink, share, **how))
    shift, weight = (np.stack([a, b.T], axis=-1) for a, b in zip(across, down, strict=True))
    return Misfit(shift, weight)


def _along(
    lattice: Lattice,
    axis: int,
    ink: np.ndarray,
    known: np.ndarray,
    *,
    window_mm: float,
    harmonics: int,
    reach_mm: float,
    pieces: tuple[float, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Shift in mm and weight of the lines across x (`axis` 0), each (rows, cols), or across y, each (cols, rows).

    `ink` (H, W) is the canvas of `lattice`, 0 where `known` is.
    """
    step_mm, origin_mm = lattice.step_mm, lattice.origin_mm[axis]
    rows, cols = lattice.nodes.shape[axis], lattice.nodes.shape[1 - axis]
    piece_mm, median_of = pieces
    lines, seen = _pieces(ink, known, axis, round(rows * step_mm / piece_mm), median_of)
    lines = _median_along(lines, median_of)
    cell = lines.shape[1] // cols
    at_mm = ((np.arange(cell) + 0.5) / cell - 0.5) * step_mm + origin_mm  # of the first cell; all are whole boxes
    waves = np.exp(-2j * np.pi / BOX_MM * np.outer(at_mm, np.arange(harmonics + 1))).astype(np.complex64)
    boxes = (lines.reshape(-1, cell) @ waves / cell).reshape(rows, -1, cols, harmonics + 1).mean(axis=1)
    boxes = cv2.GaussianBlur(boxes.view(np.float32), (0, 0), window_mm / step_mm).view(np.complex64)
    mean, coefficients = boxes[..., 0].real, boxes[..., 1:]
    floor, clear = COHERENCE
    coherence = np.abs(coefficients[..., 0]) / (mean + FAINTEST)
    fifths = cv2.resize(seen, (5 * cols, rows), interpolation=cv2.INTER_AREA).reshape(rows, cols, 5)
    seen = fifths[..., 1:4].min(axis=-1)  # of what a line may lie in
    weight = (seen * np.clip((coherence - floor) / (clear - floor), 0.0, 1.0)) ** 2
    return _peak(coefficients, reach_mm), weight.astype(np.float64)


def _pieces(ink: np.ndarray, known: np.ndarray, axis: int, count: int, near: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean ink of `count` pieces along `axis`, a row each, and the share (count, width) that is known of `near`."""
    size = (ink.shape[1], count) if axis == 0 else (count, ink.shape[0])
    ink, share = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (ink, known))
    if axis == 1:
        ink, share = np.ascontiguousarray(ink.T), np.ascontiguousarray(share.T)
    near_ink, near_share = (cv2.blur(part, (1, near), borderType=cv2.BORDER_REPLICATE) for part in (ink, share))
    mean = np.where(share > LEAST_KNOWN, ink / np.maximum(share, 1e-3), near_ink / np.maximum(near_share, 1e-3))
    return mean, near_share


def _median_along(lines: np.ndarray, count: int) -> np.ndarray:
    """Running median of `count` rows."""
    half = count // 2
    padded = np.pad(lines, ((half, half), (0, 0)), mode="edge")
    ranked = [padded[k : k + len(lines)] for k in range(count)]
    for rest in range(count - 1, half - 1, -1):  # the largest of what is left rises to its end
        for k in range(rest):
            ranked[k], ranked[k + 1] = np.minimum(ranked[k], ranked[k + 1]), np.maximum(ranked[k], ranked[k + 1])
    return ranked[half]


def _peak(coefficients: np.ndarray, reach_mm: float) -> np.ndarray:
    """Place in mm (rows, cols) of the peak of the folded line profile with `coefficients` (rows, cols, h)."""
    trial = np.arange(-reach_mm, reach_mm + 1e-6, 0.1)
    orders = np.arange(1, coefficients.shape[-1] + 1)
    waves = np.exp(2j * np.pi / BOX_MM * np.outer(trial, orders))
    profile = (coefficients @ waves.T.astype(np.complex64)).real
    top = np.clip(profile.argmax(axis=-1), 1, len(trial) - 2)[..., None]
    left, here, right = (np.take_along_axis(profile, top + k, axis=-1)[..., 0] for k in (-1, 0, 1))
    top = top[..., 0]
    bend = np.minimum(left - 2 * here + right, -1e-9)
    return trial[top] + np.clip((left - right) / (2 * bend), -1, 1) * 0.1
