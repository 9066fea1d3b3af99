"""The anchored page on a finer lattice, settled on the printed lines with ever smaller windows."""

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ecgpipe.geometry import PageMap, lattice_mm
from ecgpipe.layout import BOX_MM, GRID_LEFT_MM, GRID_TOP_MM
from ecgpipe.rectify.anchor import Anchor
from ecgpipe.rectify.lattice import CANVAS_PX_PER_MM, Lattice, Misfit, measure, sample_linear
from ecgpipe.rectify.surface import smooth

STEP_MM = 5.0
MAP_STEP_MM = 2.5
WINDOWS_MM = (5.0, 4.0, 3.0, 3.0)
FRACTION_BITS = 4  # of the coordinates that OpenCV draws at
HARMONICS = 4
OUTLIER_MM = 0.2
LINE_MM = 0.2  # half the width in which the level of the printed lines is looked for
MOST_LEVEL, MOST_SHARE = 0.27, 0.15  # grids blacker than this, or mould, cannot be told from the trace


def page_lattice(lattice: Lattice, anchor: Anchor) -> Lattice:
    """The lattice turned upright, cut to the page and resampled every STEP_MM of page millimetres."""
    upright = np.rot90(lattice.nodes, anchor.turns)
    grid_mm = lattice_mm(STEP_MM) - (GRID_LEFT_MM, GRID_TOP_MM)
    boxes = grid_mm / BOX_MM + anchor.first
    return Lattice(sample_linear(upright, boxes[..., 0], boxes[..., 1]), STEP_MM, grid_mm[0, 0])


def without_trace(dark: np.ndarray, ink: np.ndarray, lattice: Lattice) -> np.ndarray:
    """`dark` with the trace blanked, where `ink`, the contrast of black, tells it from the printed lines of the grid.

    A QRS complex beside a line looks like a line out of place. On a black grid nothing is blanked.
    """
    canvas = cv2.dilate(lattice.canvas(ink), np.ones((5, 5), np.uint8))
    on_line = np.zeros(canvas.shape, bool)
    for axis in (0, 1):
        at_mm = (np.arange(canvas.shape[1 - axis]) + 0.5) / CANVAS_PX_PER_MM - STEP_MM / 2 + lattice.origin_mm[axis]
        near = np.abs(at_mm - BOX_MM * np.round(at_mm / BOX_MM)) < LINE_MM
        on_line |= near[None, :] if axis == 0 else near[:, None]
    level = np.quantile(canvas[on_line], 0.6)
    trace = max(0.2, 1.35 * level + 0.05)
    if level > MOST_LEVEL or (canvas > trace).mean() > MOST_SHARE:
        return dark
    return np.where(cv2.dilate(ink, np.ones((5, 5), np.uint8)) > trace, np.float32(0.0), dark)


def without_curves(dark: np.ndarray, curves_px: list[np.ndarray], width_px: int) -> np.ndarray:
    """`dark` with a stroke of `width_px` blanked along each curve (n, 2) px."""
    stroke = np.zeros(dark.shape, np.uint8)
    points = [np.round(curve * 2**FRACTION_BITS).astype(np.int32) for curve in curves_px]
    cv2.polylines(stroke, points, isClosed=False, color=1, thickness=width_px, shift=FRACTION_BITS)
    return np.where(stroke > 0, np.float32(0.0), dark)


def settle(lattice: Lattice, dark: np.ndarray, stiffness: float) -> tuple[Lattice, Misfit]:
    """Lattice whose nodes lie on the grid of the contrast picture `dark`, and the misfit that is left."""
    for window in WINDOWS_MM:
        misfit = on_picture(measure(lattice, dark, window, harmonics=HARMONICS), lattice, dark.shape)
        shift = smooth(misfit.shift_mm, misfit.weight + 1e-3, stiffness, scale=OUTLIER_MM)
        lattice = lattice.moved(lattice.at(shift))
    return lattice, on_picture(measure(lattice, dark, WINDOWS_MM[-1], harmonics=HARMONICS), lattice, dark.shape)


def on_picture(misfit: Misfit, lattice: Lattice, shape: tuple[int, int]) -> Misfit:
    """The misfit with no weight outside the picture."""
    x, y = lattice.nodes[..., 0], lattice.nodes[..., 1]
    inside = (x > 0) & (x < shape[1] - 1) & (y > 0) & (y < shape[0] - 1)
    return Misfit(misfit.shift_mm, misfit.weight * inside[..., None])


def densify(lattice: Lattice) -> PageMap:
    """The settled lattice as a page map: cubic between its nodes, so that linear steps between the map's are enough."""
    points = lattice_mm(MAP_STEP_MM) / STEP_MM
    at = np.moveaxis(points[..., ::-1], -1, 0)
    axes = [map_coordinates(lattice.nodes[..., k], at, order=3, mode="nearest") for k in (0, 1)]
    return PageMap(np.stack(axes, axis=-1).astype(np.float32), MAP_STEP_MM)
