"""The exact map between page millimetres and picture pixels, and pictures drawn through it."""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.synth import PX_PER_MM

STEP_MM = 2.5
FINE = 4  # surface samples per mesh step, for shading
FINE_MM = STEP_MM / FINE
COARSE = 4  # picture pixels per sample of the inverse map and of the light
_ITERATIONS = 12


@dataclass(frozen=True)
class WarpMesh:
    """Page points every `STEP_MM`: the mesh of a page of `layout` plus `margin` steps on every side."""

    margin: int
    layout: PageLayout = KIT

    @property
    def shape(self) -> tuple[int, int]:
        rows, cols = lattice_mm(self.layout, STEP_MM).shape[:2]
        return rows + 2 * self.margin, cols + 2 * self.margin

    @property
    def centre_mm(self) -> np.ndarray:
        """The middle of the page, (2,) float32 x and y."""
        return np.array([self.layout.width_mm / 2, self.layout.height_mm / 2], np.float32)

    @property
    def origin_mm(self) -> float:
        """Page x and y of the first node."""
        return -self.margin * STEP_MM

    def points(self, fine: int = 1) -> np.ndarray:
        """Page points (rows, cols, 2) float32 in mm, `fine` to a step."""
        rows, cols = ((size - 1) * fine + 1 for size in self.shape)
        grid = np.meshgrid(np.arange(cols, dtype=np.float32), np.arange(rows, dtype=np.float32))
        return np.stack(grid, axis=-1) * np.float32(STEP_MM / fine) + np.float32(self.origin_mm)


class Warp:
    """Page mm to picture px, linear between the mesh's nodes, and its inverse.

    `nodes` (rows, cols, 2) are the picture points of `mesh.points()`; `size` is the picture's (height, width).
    The inverse is sampled every `COARSE` pixels: with the best homography taken out what is left is close to the
    identity, so the fixed-point iteration u <- q - D(u) contracts by the strain of the paper.
    """

    def __init__(self, mesh: WarpMesh, nodes: np.ndarray, size: tuple[int, int]):
        self.mesh, self.nodes, self.size = mesh, np.asarray(nodes, np.float64), size
        points = mesh.points().astype(np.float64)
        some = np.s_[::8, ::8]
        self.homography, _ = cv2.findHomography(points[some].reshape(-1, 2), self.nodes[some].reshape(-1, 2), 0)
        self._back = np.linalg.inv(self.homography)
        residual = _apply(self._back, self.nodes) - points
        self.mm = self._invert(residual.astype(np.float32))

    def _invert(self, residual: np.ndarray) -> np.ndarray:
        """Page mm (2, h, w) float32 of every `COARSE`-th pixel, one sample beyond the picture on every side."""
        height, width = (-(-side // COARSE) + 2 for side in self.size)
        xs, ys = ((np.arange(n) - 0.5) * COARSE - 0.5 for n in (width, height))
        target = _apply(self._back, np.stack(np.meshgrid(xs, ys), axis=-1)).astype(np.float32)
        target = np.ascontiguousarray(target.transpose(2, 0, 1))
        layers = [np.ascontiguousarray(residual[..., axis]) for axis in (0, 1)]
        found = target.copy()
        for _ in range(_ITERATIONS):
            cols, rows = (found - np.float32(self.mesh.origin_mm)) / np.float32(STEP_MM)
            # one channel at a time: OpenCV rounds the coordinates of several to 1/32 cell
            shift = [
                cv2.remap(layer, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for layer in layers
            ]
            found = target - np.stack(shift)
        return found

    def page_map(self) -> PageMap:
        """The part of the mesh that starts at the page's corner."""
        inner = self.nodes[self.mesh.margin :, self.mesh.margin :]
        return PageMap(inner.astype(np.float32), STEP_MM)

    def enlarge(self, field: np.ndarray) -> np.ndarray:
        """A field given at the samples of `mm`, at every pixel of the picture."""
        height, width = self.size
        whole = cv2.resize(field, (field.shape[1] * COARSE, field.shape[0] * COARSE), interpolation=cv2.INTER_LINEAR)
        return whole[COARSE : COARSE + height, COARSE : COARSE + width]

    def on_surface(self, field: np.ndarray) -> np.ndarray:
        """A field on the fine mesh, seen at the samples of `mm`; its edge repeated beyond the mesh."""
        cols, rows = (self.mm - np.float32(self.mesh.origin_mm)) / np.float32(FINE_MM)
        return cv2.remap(field, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    @property
    def scale(self) -> float:
        """Picture pixels per page mm, typical."""
        dx = np.linalg.norm(np.diff(self.nodes, axis=1), axis=-1)
        dy = np.linalg.norm(np.diff(self.nodes, axis=0), axis=-1)
        return float(np.sqrt(np.median(dx) * np.median(dy)) / STEP_MM)

    def draw(self, raster: np.ndarray, left_px: float, top_px: float) -> np.ndarray:
        """`raster`, whose page begins at the edges of the pixel (left_px, top_px), as the picture shows it; zero
        (transparent) where the raster ends."""
        shrink = self.scale / PX_PER_MM
        if shrink < 0.95:
            raster = cv2.GaussianBlur(raster, (0, 0), 0.45 * np.sqrt(shrink**-2 - 1) + 0.15)
        cols = self.enlarge(self.mm[0] * np.float32(PX_PER_MM) + np.float32(left_px - 0.5))
        rows = self.enlarge(self.mm[1] * np.float32(PX_PER_MM) + np.float32(top_px - 0.5))
        method = cv2.INTER_LINEAR if shrink < 0.95 else cv2.INTER_CUBIC
        return cv2.remap(raster, cols, rows, method, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def _apply(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    flat = points.reshape(-1, 1, 2).astype(np.float64)
    return cv2.perspectiveTransform(flat, homography).reshape(points.shape)
