"""Where the heavy lines lie near the nodes of a mesh: the phase of their harmonics in Gaussian windows."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.mesh import CANVAS_PX_PER_MM, GridMesh, Residuals

LEAST_KNOWN = 0.3  # share of a piece below which its neighbours stand in for it; not swept
FAINTEST = 0.003  # mean contrast that counts as noise, added so that bare paper has no coherence; not swept
# Fourier coefficient at one cycle a box over the mean contrast: the weight rises from 0 to 1 between the two. Wood and
# noise stay below the first, clean grids pass the second (log, "Rectification that grows": a little better on mould
# than 0.025 and 0.125).
COHERENCE = (0.03, 0.15)
NEAREST_SHARE = 0.45  # of the distance between lines that are alike: how far off one is looked for
FINE_PX_PER_MM = 6.4  # for two harmonics of a millimetre
TRIAL_MM = 0.1  # between the places at which the folded profile is computed; a parabola finds its peak in between


@dataclass(frozen=True)
class LineSearch:
    """How lines are looked for near each node.

    Through a Gaussian window of standard deviation `window_mm`, from so many `harmonics` of the box, at most `reach_mm`
    to either side, on a canvas of `px_per_mm`. Along each line the contrast is averaged over pieces of `piece_mm`, of
    which `median_of` neighbours give one median: most of what crosses the lines is shorter.
    """

    window_mm: float
    harmonics: int
    reach_mm: float = 1.2  # not swept
    px_per_mm: float = CANVAS_PX_PER_MM
    piece_mm: float = 2.5  # with five as exact as 1.25 with nine, and faster (log, "Rectification that grows")
    median_of: int = 5

    def among(self, lines_per_box: int) -> "LineSearch":
        """The same search where so many lines a box are alike: the next one is as much nearer."""
        if lines_per_box == 1:
            return self
        return replace(
            self,
            harmonics=max(self.harmonics // lines_per_box, 2),
            reach_mm=min(self.reach_mm, NEAREST_SHARE * BOX_MM / lines_per_box),
            px_per_mm=max(self.px_per_mm, FINE_PX_PER_MM),
        )


def measure_lines(mesh: GridMesh, dark: np.ndarray, search: LineSearch) -> Residuals:
    """How far the heavy lines near every node lie off it in the contrast picture `dark` (H, W).

    Where `dark` is NaN something covers the paper; lines are measured from the rest of the window.

    A line family at x = 5k + d has the Fourier coefficients H_h = exp(-2πi h d / 5) at h cycles a box, and d is the
    highest peak within reach of the sum of H_h exp(2πi h d / 5). Up to four harmonics do not respond to the 1 mm grid,
    whose first is the fifth, and may look far. With twelve the peak is as narrow as a line, and is no longer pulled by
    a QRS complex beside it, nor by the next 1 mm line, which may be printed up to half a pixel off its regular place.
    """
    search = search.among(mesh.lines_per_box)
    canvas = mesh.canvas(dark, search.px_per_mm)
    known = ~np.isnan(canvas)
    ink, share = np.where(known, canvas, np.float32(0.0)), known.astype(np.float32)
    across, down = both(lambda axis: _along(mesh, axis, ink, share, search))
    offset, weight = (np.stack([a, b.T], axis=-1) for a, b in zip(across, down, strict=True))
    return Residuals(offset, weight)


def _along(
    mesh: GridMesh, axis: int, ink: np.ndarray, known: np.ndarray, search: LineSearch
) -> tuple[np.ndarray, np.ndarray]:
    """Offset in mm and weight of the lines across x (`axis` 0), each (rows, cols), or across y, each (cols, rows).

    `ink` (H, W) is the contrast on the canvas of `mesh`, 0 where `known` (H, W) is 0.
    """
    step_mm, origin_mm = mesh.step_mm, mesh.origin_mm[axis]
    rows, cols = mesh.nodes.shape[axis], mesh.nodes.shape[1 - axis]
    lines, seen = _pieces(ink, known, axis, round(rows * step_mm / search.piece_mm), search.median_of)
    lines = _median_along(lines, search.median_of)
    cell = lines.shape[1] // cols
    at_mm = ((np.arange(cell) + 0.5) / cell - 0.5) * step_mm + origin_mm  # of the first cell; all are whole boxes
    orders = mesh.lines_per_box * np.arange(search.harmonics + 1)  # cycles a box
    waves = np.exp(-2j * np.pi / BOX_MM * np.outer(at_mm, orders)).astype(np.complex64)
    boxes = (lines.reshape(-1, cell) @ waves / cell).reshape(rows, -1, cols, search.harmonics + 1).mean(axis=1)
    boxes = cv2.GaussianBlur(boxes.view(np.float32), (0, 0), search.window_mm / step_mm).view(np.complex64)
    mean, coefficients = boxes[..., 0].real, boxes[..., 1:]
    floor, clear = COHERENCE
    coherence = np.abs(coefficients[..., 0]) / (mean + FAINTEST)
    fifths = cv2.resize(seen, (5 * cols, rows), interpolation=cv2.INTER_AREA).reshape(rows, cols, 5)
    seen = fifths[..., 1:4].min(axis=-1)  # of the millimetres on either side in which a line may lie
    weight = (seen * np.clip((coherence - floor) / (clear - floor), 0.0, 1.0)) ** 2
    return _peak(coefficients, orders[1:], search.reach_mm), weight.astype(np.float64)


def _pieces(ink: np.ndarray, known: np.ndarray, axis: int, count: int, near: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean contrast (count, width) of `count` pieces along `axis`, and the known share of each and its neighbours.

    `near` pieces, the one itself included, count as neighbours.
    """
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
    for rest in range(count - 1, half - 1, -1):  # bubble sort: each pass moves the largest of the rest to its end
        for k in range(rest):
            ranked[k], ranked[k + 1] = np.minimum(ranked[k], ranked[k + 1]), np.maximum(ranked[k], ranked[k + 1])
    return ranked[half]


def _peak(coefficients: np.ndarray, orders: np.ndarray, reach_mm: float) -> np.ndarray:
    """Place in mm (rows, cols) of the highest point of the profile with the Fourier `coefficients` (rows, cols, h) at
    `orders` (h,) cycles a box."""
    trial = np.arange(-reach_mm, reach_mm + 1e-6, TRIAL_MM)
    waves = np.exp(2j * np.pi / BOX_MM * np.outer(trial, orders))
    profile = (coefficients @ waves.T.astype(np.complex64)).real
    top = np.clip(profile.argmax(axis=-1), 1, len(trial) - 2)[..., None]
    left, here, right = (np.take_along_axis(profile, top + k, axis=-1)[..., 0] for k in (-1, 0, 1))
    top = top[..., 0]
    curvature = np.minimum(left - 2 * here + right, -1e-9)
    return trial[top] + np.clip((left - right) / (2 * curvature), -1, 1) * TRIAL_MM
