"""The mesh laid over a sheet: grid coordinates, their picture positions, and how far the printed lines lie off them.

Coordinates are millimetres of paper, and the origin is a crossing of two heavy lines. While boxes are only counted from
a seed, it is any crossing; once the page is placed, it is the first crossing of the layout's grid.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

CANVAS_PX_PER_MM = 3.2  # for looking; measuring single lines needs a finer one. Not swept


@dataclass(frozen=True)
class GridMesh:
    """`nodes` (rows, cols, 2): picture px of the points `origin_mm + step_mm * (col, row)`.

    A box has `lines_per_box` lines that are measured: its heavy one, or five where all lines of a grid are alike.
    Between its lines the sheet may lie beside the mesh: `between_mm` (n, 2) has mesh x and how far right of it (see
    `carriage`).
    """

    nodes: np.ndarray
    step_mm: float
    origin_mm: np.ndarray
    lines_per_box: int = 1
    between_mm: np.ndarray | None = None

    @property
    def points_mm(self) -> np.ndarray:
        rows, cols = self.nodes.shape[:2]
        xs, ys = np.meshgrid(np.arange(cols), np.arange(rows))
        return np.stack([xs, ys], axis=-1) * self.step_mm + self.origin_mm

    def moved(self, nodes: np.ndarray) -> "GridMesh":
        """The mesh with other picture positions."""
        return replace(self, nodes=nodes)

    def scaled(self, scale: np.ndarray) -> "GridMesh":
        """The mesh in a picture of `scale` (x, y) times as many pixels."""
        return self.moved((self.nodes + 0.5) * scale - 0.5)

    def canvas(self, image: np.ndarray, px_per_mm: float = CANVAS_PX_PER_MM) -> np.ndarray:
        """`image` resampled so that each node is the centre of a square cell of `step_mm`; 0 outside the picture."""
        rows, cols = self.nodes.shape[:2]
        cell_px = round(self.step_mm * px_per_mm)
        map_xy = cv2.resize(self.nodes.astype(np.float32), (cols * cell_px, rows * cell_px))
        return cv2.remap(image, map_xy[..., 0], map_xy[..., 1], cv2.INTER_LINEAR, borderValue=0)

    def at(self, offset_mm: np.ndarray) -> np.ndarray:
        """Picture positions (rows, cols, 2) of the points `offset_mm` (rows, cols, 2) right of and below the nodes."""
        gx = (np.arange(self.nodes.shape[1])[None, :] + offset_mm[..., 0] / self.step_mm).astype(np.float32)
        gy = (np.arange(self.nodes.shape[0])[:, None] + offset_mm[..., 1] / self.step_mm).astype(np.float32)
        return sample_linear(self.nodes, gx, gy)


def sample_linear(field: np.ndarray, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`field` (rows, cols, k) at fractional positions, extrapolated linearly past its border."""
    x0 = np.clip(np.floor(cols).astype(int), 0, field.shape[1] - 2)
    y0 = np.clip(np.floor(rows).astype(int), 0, field.shape[0] - 2)
    fx, fy = (cols - x0)[..., None], (rows - y0)[..., None]
    top = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    bottom = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def cubic_weights(count: int, at: np.ndarray) -> np.ndarray:
    """Weights (len(at), count) of `count` values, one apart, in the natural cubic spline through them at places `at`.

    Places are counted from the first value; beyond the ends the spline goes on straight.
    """
    # Coefficients of cubic B-splines, one beyond each end: 1/6, 4/6, 1/6 of three of them is a value.
    equations = np.zeros((count + 2, count + 2))
    for row, start in zip(equations[1:-1], range(count), strict=True):
        row[start : start + 3] = 1 / 6, 4 / 6, 1 / 6
    equations[0, :3] = equations[-1, -3:] = 1, -2, 1  # no curvature at the ends
    coefficients = np.linalg.inv(equations)[:, 1:-1]
    inside = np.clip(at, 0, count - 1)
    first = np.minimum(np.floor(inside).astype(int), count - 2)
    t = (inside - first)[:, None]
    basis = np.hstack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4, t**3]) / 6
    slopes = np.hstack([-((1 - t) ** 2), 3 * t**2 - 4 * t, 4 * (1 - t) - 3 * (1 - t) ** 2, t**2]) / 2
    basis += (at - inside)[:, None] * slopes
    return np.einsum("nt,ntc->nc", basis, coefficients[first[:, None] + np.arange(4)])


@dataclass(frozen=True)
class Residuals:
    """`offset_mm` (rows, cols, 2): the printed line nearest to a node lies this far right of it, and below it.

    `weight` (rows, cols, 2) from 0 to 1 says how clearly the lines across x and across y were seen.
    """

    offset_mm: np.ndarray
    weight: np.ndarray
