"""Where each millimetre of the page lies in a picture, and the one interpolation from picture to frame."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.page.layout import KIT, PageLayout


@dataclass(frozen=True)
class PageMap:
    """Picture position of a regular lattice of page points, linear in between.

    `nodes` (rows, cols, 2) float32 holds the picture (x, y) in pixels, pixel centres at integers, of the page point
    (`col * step_mm`, `row * step_mm`). The lattice covers the page, edges included, and may reach past it.
    """

    nodes: np.ndarray
    step_mm: float

    @property
    def px_per_mm(self) -> float:
        """Picture pixels to a millimetre of the page, in the middle of all."""
        return float(np.median(np.linalg.norm(np.diff(self.nodes, axis=1), axis=-1))) / self.step_mm

    def to_picture(self, points_mm: np.ndarray) -> np.ndarray:
        """Picture pixels (..., 2) of page points (..., 2) in mm; linear extrapolation outside the lattice."""
        grid = np.asarray(points_mm, np.float64) / self.step_mm
        rows, cols = self.nodes.shape[:2]
        x0 = np.clip(np.floor(grid[..., 0]).astype(int), 0, cols - 2)
        y0 = np.clip(np.floor(grid[..., 1]).astype(int), 0, rows - 2)
        fx, fy = (grid[..., 0] - x0)[..., None], (grid[..., 1] - y0)[..., None]
        n = self.nodes.astype(np.float64)
        top = n[y0, x0] * (1 - fx) + n[y0, x0 + 1] * fx
        bottom = n[y0 + 1, x0] * (1 - fx) + n[y0 + 1, x0 + 1] * fx
        return top * (1 - fy) + bottom * fy

    def to_page(self, points_px: np.ndarray, near_mm: np.ndarray, rounds: int = 3) -> np.ndarray:
        """Page points (..., 2) in mm of picture pixels (..., 2), by Newton's method from `near_mm` (..., 2)."""
        points_mm = np.asarray(near_mm, np.float64)
        for _ in range(rounds):
            here = self.to_picture(points_mm)
            columns = [self.to_picture(points_mm + step) - here for step in ((1.0, 0.0), (0.0, 1.0))]
            jacobian = np.stack(columns, axis=-1)
            points_mm = points_mm + np.linalg.solve(jacobian, (points_px - here)[..., None])[..., 0]
        return points_mm

    def compose(self, picture_transform: Callable[[np.ndarray], np.ndarray]) -> "PageMap":
        """The same page after the picture's points went through `picture_transform`, (N, 2) px -> (N, 2) px."""
        moved = np.asarray(picture_transform(self.nodes.reshape(-1, 2).astype(np.float64)), np.float32)
        return replace(self, nodes=moved.reshape(self.nodes.shape))

    def displaced(self, offset_mm: tuple[float, float]) -> "PageMap":
        """The map whose page point p lies where this one has p + `offset_mm` (to the right, down)."""
        rows, cols = np.indices(self.nodes.shape[:2])
        points = np.stack([cols, rows], axis=-1) * self.step_mm + np.asarray(offset_mm)
        return replace(self, nodes=self.to_picture(points).astype(np.float32))

    @staticmethod
    def from_function(
        layout: PageLayout, page_to_picture: Callable[[np.ndarray], np.ndarray], step_mm: float = 2.5
    ) -> "PageMap":
        """Sample `page_to_picture`, (N, 2) mm -> (N, 2) px, on a lattice that covers a page of `layout`."""
        points = lattice_mm(layout, step_mm)
        nodes = np.asarray(page_to_picture(points.reshape(-1, 2)), np.float32)
        return PageMap(nodes.reshape(points.shape), step_mm)


def lattice_mm(layout: PageLayout, step_mm: float) -> np.ndarray:
    """Page points (rows, cols, 2) in mm, every `step_mm` from the top left corner to past the bottom right one."""
    xs, ys = (np.arange(int(np.ceil(side / step_mm)) + 1) * step_mm for side in layout.size_mm)
    return np.stack(np.meshgrid(xs, ys), axis=-1)


@dataclass(frozen=True)
class Raster:
    """Pixels of a frame per second and per millivolt: the same for all layouts, as a reader is trained for them."""

    px_per_s: float = 250.0
    px_per_mv: float = 80.0

    def __str__(self) -> str:
        return f"{self.px_per_s:g} px/s x {self.px_per_mv:g} px/mV"


@dataclass(frozen=True)
class FrameSpec:
    """The frame of a page of `layout`: its pixel (row, col) shows the page point (col / px_per_mm_x, row / px_per_mm_y)
    in mm."""

    layout: PageLayout = KIT
    raster: Raster = Raster()

    @property
    def px_per_mm_x(self) -> float:
        return self.raster.px_per_s / self.layout.speed_mm_per_s

    @property
    def px_per_mm_y(self) -> float:
        return self.raster.px_per_mv / self.layout.gain_mm_per_mv

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels of the whole page."""
        return round(self.layout.height_mm * self.px_per_mm_y), round(self.layout.width_mm * self.px_per_mm_x)

    def baseline_px(self, row: int) -> float:
        """Frame row (fractional pixel) of 0 mV of printed row `row`."""
        return self.layout.baselines_mm[row] * self.px_per_mm_y


def dense_map(page_map: PageMap, spec: FrameSpec) -> tuple[np.ndarray, np.ndarray]:
    """Picture x and y, each float32 of `spec.shape`, for every frame pixel."""
    height, width = spec.shape
    cols = (np.arange(width, dtype=np.float32) / spec.px_per_mm_x / page_map.step_mm)[None, :].repeat(height, 0)
    rows = (np.arange(height, dtype=np.float32) / spec.px_per_mm_y / page_map.step_mm)[:, None].repeat(width, 1)
    # One channel at a time: with several, OpenCV 5 rounds the position to 1/32 of a lattice cell.
    x, y = (
        cv2.remap(np.ascontiguousarray(page_map.nodes[..., k], np.float32), cols, rows, cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)
        for k in (0, 1)
    )  # fmt: skip
    return x, y


def resample(picture: np.ndarray, page_map: PageMap, spec: FrameSpec) -> tuple[np.ndarray, np.ndarray]:
    """The frame of `picture` (H, W, 3) uint8: RGB (h, w, 3) uint8 and a mask (h, w) bool of what the picture shows.

    One bicubic interpolation from the original pixels; frame pixels outside the picture repeat its edge and are
    False in the mask.
    """
    map_x, map_y = dense_map(page_map, spec)
    frame = cv2.remap(picture, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    height, width = picture.shape[:2]
    inside = (map_x > -0.5) & (map_x < width - 0.5) & (map_y > -0.5) & (map_y < height - 0.5)
    return frame, inside
