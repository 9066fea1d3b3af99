"""The anchored page on a finer lattice, settled on the printed lines with ever smaller windows."""

import numpy as np
from scipy.ndimage import map_coordinates

from ecgpipe.geometry import PageMap, lattice_mm
from ecgpipe.layout import BOX_MM, GRID_LEFT_MM, GRID_TOP_MM
from ecgpipe.rectify.anchor import Anchor
from ecgpipe.rectify.lattice import Lattice, Misfit, measure, sample_linear
from ecgpipe.rectify.surface import smooth

STEP_MM = 5.0
MAP_STEP_MM = 2.5
WINDOWS_MM = (5.0, 4.0, 3.0, 3.0)
STIFFNESS = 1.0
HARMONICS = 4
OUTLIER_MM = 0.2


def page_lattice(lattice: Lattice, anchor: Anchor) -> Lattice:
    """The lattice turned upright, cut to the page and resampled every STEP_MM of page millimetres."""
    upright = np.rot90(lattice.nodes, anchor.turns)
    grid_mm = lattice_mm(STEP_MM) - (GRID_LEFT_MM, GRID_TOP_MM)
    boxes = grid_mm / BOX_MM + anchor.first
    return Lattice(sample_linear(upright, boxes[..., 0], boxes[..., 1]), STEP_MM, grid_mm[0, 0])


def settle(lattice: Lattice, dark: np.ndarray) -> tuple[Lattice, Misfit]:
    """Lattice whose nodes lie on the grid of the contrast picture `dark`, and the misfit that is left."""
    for window in WINDOWS_MM:
        misfit = on_picture(measure(lattice, dark, window, harmonics=HARMONICS), lattice, dark.shape)
        shift = smooth(misfit.shift_mm, misfit.weight + 1e-3, STIFFNESS, scale=OUTLIER_MM)
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
