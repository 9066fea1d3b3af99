"""The sheet: the print with its white margin, and the shape that folding, damp and fists gave it.

A surface is a height field z (mm) over the sheet and an in-plane shift (mm) on the fine mesh. Where the sheet
slopes by s it covers about s²/2 less of the table: paper bends, it does not stretch.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.warp import FINE, FINE_MM, WarpMesh


@dataclass
class Sheet:
    """RGBA raster at the reference scale; the page's corner lies at pixel (`left`, `top`)."""

    rgba: np.ndarray
    left: int
    top: int

    @property
    def ink(self) -> np.ndarray:
        return self.rgba[..., :3]


def print_sheet(page: np.ndarray, margins_mm: tuple[float, float, float, float], border_px: int) -> Sheet:
    """`page` with a thin black border and white margins (left, right, top, bottom) around it."""
    left, right, top, bottom = (round(mm * PX_PER_MM) for mm in margins_mm)
    rgba = cv2.copyMakeBorder(page, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    if border_px:
        height, width = page.shape[:2]
        cv2.rectangle(rgba, (left, top), (left + width - 1, top + height - 1), (30, 30, 30), border_px)
    return Sheet(cv2.cvtColor(rgba, cv2.COLOR_RGB2RGBA), left, top)


@dataclass
class Surface:
    """Height `z` (rows, cols) and in-plane `shift` (rows, cols, 2), both mm, on the fine mesh of `mesh`."""

    mesh: WarpMesh
    points: np.ndarray
    z: np.ndarray
    shift: np.ndarray
    wear: np.ndarray  # 0..1, how far the ink cracked along creases

    @staticmethod
    def flat(mesh: WarpMesh) -> "Surface":
        points = mesh.points(FINE)
        zeros = np.zeros(points.shape[:2], np.float32)
        return Surface(mesh, points, zeros, np.zeros_like(points), zeros.copy())

    def nodes(self) -> np.ndarray:
        """The mesh's nodes in space, (rows, cols, 3) mm, x and y from the page's centre."""
        plane = self.points + self.shift - self.mesh.centre_mm
        return np.concatenate([plane, self.z[..., None]], axis=-1)[::FINE, ::FINE]

    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """dz/dx and dz/dy on the fine mesh."""
        dy, dx = np.gradient(self.z, FINE_MM)
        return dx, dy

    def press(self, max_slope: float) -> None:
        """Flatten the whole sheet until hardly any of it is steeper than `max_slope`."""
        steepest = np.quantile(np.hypot(*self.slopes())[::FINE, ::FINE], 0.998)
        factor = np.float32(min(1.0, max_slope / max(steepest, 1e-6)))
        self.z *= factor
        self.shift *= factor**2


def fold(surface: Surface, rng: np.random.Generator, angle: float, offset_mm: float, slope: float) -> None:
    """Crease the sheet along the line at `offset_mm` from the centre with normal `angle`; one side rises by `slope`."""
    normal = np.array([np.cos(angle), np.sin(angle)], np.float32)
    bend = noise.smooth(rng, surface.z.shape, 160) * np.float32(rng.uniform(0, 0.5))
    distance = (surface.points - surface.mesh.centre_mm) @ normal - np.float32(offset_mm) + bend
    width = np.float32(noise.log_uniform(rng, 0.3, 2.5))
    side = np.sqrt(distance**2 + width**2) * np.float32(0.5)  # |d|/2: both halves rise or sink, as on a table
    surface.z += np.float32(slope) * side
    contraction = np.float32(slope**2 / 8) * distance
    surface.shift -= contraction[..., None] * normal
    surface.wear = np.maximum(surface.wear, np.exp(-((distance / 0.5) ** 2)) * np.float32(rng.uniform(0, 0.7)))


def wave(surface: Surface, rng: np.random.Generator, wavelength_mm: float, slope: float) -> None:
    """Smooth waves, longer along one direction, steepest slope about `slope`."""
    stretch = noise.log_uniform(rng, 1, 3)
    cells = (wavelength_mm / FINE_MM / 2, wavelength_mm / FINE_MM / 2 * stretch)
    cells = cells if rng.random() < 0.5 else cells[::-1]
    height = noise.smooth(rng, surface.z.shape, cells) * np.float32(slope * wavelength_mm / 6)
    surface.z += height
    _contract(surface, height)


def crumple(surface: Surface, rng: np.random.Generator, facet_mm: float, slope: float) -> None:
    """Sharp-edged facets about `facet_mm` wide, stronger in some parts: two bent meshes of random heights."""
    shape = surface.z.shape
    height = _facets(surface.points, rng, facet_mm) + np.float32(0.7) * _facets(surface.points, rng, 0.7 * facet_mm)
    where = noise.step(noise.smooth(rng, shape, 220) + np.float32(rng.uniform(-0.6, 1.2)), 2.0)
    height = (
        cv2.GaussianBlur(height, (0, 0), noise.log_uniform(rng, 0.6, 1.8)) * where * np.float32(slope * facet_mm / 2)
    )
    surface.z += height
    _contract(surface, height)


def _facets(points: np.ndarray, rng: np.random.Generator, size_mm: float) -> np.ndarray:
    """Random heights of unit spread, linear on the triangles of a turned, bent mesh."""
    angle = rng.uniform(0, np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turned = points @ np.array([[c, -s], [s, c]], np.float32) / np.float32(size_mm)
    cols, rows = (
        turned[..., axis] + np.float32(0.35) * noise.smooth(rng, points.shape[:2], max(2 * size_mm / FINE_MM, 2))
        for axis in (0, 1)
    )
    cols, rows = cols - cols.min(), rows - rows.min()
    heights = rng.standard_normal((int(rows.max()) + 2, int(cols.max()) + 2), dtype=np.float32)
    col, row = cols.astype(np.int32), rows.astype(np.int32)
    fx, fy = cols - col, rows - row
    upper = fx + fy < 1  # each cell is two flat triangles
    corner = np.where(upper, heights[row, col], heights[row + 1, col + 1])
    right, down = heights[row, col + 1] - corner, heights[row + 1, col] - corner
    return corner + np.where(upper, fx, 1 - fy) * right + np.where(upper, fy, 1 - fx) * down


def curl(surface: Surface, rng: np.random.Generator) -> None:
    """One edge or corner lifts off the table."""
    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)], np.float32)
    along = (surface.points - surface.mesh.centre_mm) @ normal
    start = np.float32(rng.uniform(0.3, 0.8) * along.max())
    rise = np.maximum(along - start, 0)
    surface.z += rise**2 * np.float32(rng.uniform(0.1, 0.5) / (2 * (along.max() - start)))
    surface.shift -= (rise**3 * np.float32(2e-5))[..., None] * normal


def _contract(surface: Surface, height: np.ndarray) -> None:
    """Pull the sheet together where `height` slopes, about evenly around its centre."""
    dy, dx = np.gradient(height, FINE_MM)
    pulled_x: np.ndarray = np.cumsum(dx**2, axis=1, dtype=np.float32) * np.float32(FINE_MM / 2)
    pulled_y: np.ndarray = np.cumsum(dy**2, axis=0, dtype=np.float32) * np.float32(FINE_MM / 2)
    # paper is stiff in its plane: neighbouring lines share their shortening
    pulled_x, pulled_y = (cv2.GaussianBlur(p, (0, 0), 24 / FINE_MM) for p in (pulled_x, pulled_y))
    surface.shift[..., 0] -= pulled_x - pulled_x.mean()
    surface.shift[..., 1] -= pulled_y - pulled_y.mean()
