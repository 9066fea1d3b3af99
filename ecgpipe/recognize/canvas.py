"""A sheet as the marks' network sees it: upright or not, a fixed number of pixels a millimetre, in even light."""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.geometry import FrameSpec, PageMap, Raster, resample
from ecgpipe.page.layout import PageLayout, blank_sheet
from ecgpipe.recognize.marks import PX_PER_MM
from ecgpipe.trace.strips import PAPER, flatten_light

_BLANK = blank_sheet(0.0, 0.0)
RASTER = Raster(PX_PER_MM * _BLANK.speed_mm_per_s, PX_PER_MM * _BLANK.gain_mm_per_mv)
# Lines of a frame: as long as this in mm, at least so dark, and so much darker than most lines of the grid. Not swept.
FRAME_MM, FRAME_DARK, OVER_GRID = 100.0, 100, 1.3
GRID_QUANTILE = 0.92  # of rows of pixels: three in twenty are of 5 mm lines, one in twenty of a dozen frames
THICK_PX = 7  # of the canvas, at most, with its blur
SHARPER = 1.25  # pixels of the picture at most for one of the canvas, lest thin lines fall between samples


def canvas_of(picture: np.ndarray, page_map: PageMap, sheet: PageLayout) -> np.ndarray:
    """The canvas (h, w, 3) uint8 of a `sheet` that lies in `picture` (H, W, 3) as `page_map` says; paper elsewhere."""
    points = np.array([[0.0, 0.0], [sheet.width_mm, 0.0], [0.0, sheet.height_mm]]) / 2 + 1e-3
    here, right, down = page_map.to_picture(points)
    px_per_mm = np.sqrt(
        np.linalg.norm(right - here) / sheet.width_mm * np.linalg.norm(down - here) / sheet.height_mm * 4
    )
    shrink = SHARPER * PX_PER_MM / px_per_mm
    if shrink < 1:
        size = [max(round(side * shrink), 1) for side in picture.shape[1::-1]]
        scale = np.array(size) / picture.shape[1::-1]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        page_map = replace(page_map, nodes=((page_map.nodes + 0.5) * scale - 0.5).astype(np.float32))
    canvas, inside = resample(picture, page_map, FrameSpec(sheet, RASTER))
    light = flatten_light(canvas)
    light[~inside] = PAPER
    return light


def without_frames(canvas: np.ndarray) -> np.ndarray:
    """The canvas (h, w, 3) without long straight lines across that are darker than the grid's, as of a box around each
    lead: they look like rows of flat traces. What crosses them stays. The canvas itself where it has none."""
    dark = cv2.dilate(255 - canvas.max(axis=-1), np.ones((3, 1), np.uint8))  # a line may lie between two rows of pixels
    lines = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, round(FRAME_MM * PX_PER_MM)), np.uint8))
    grid = np.quantile(lines.max(axis=1), GRID_QUANTILE)
    frames = lines > max(FRAME_DARK, OVER_GRID * grid)
    if not frames.any():
        return canvas
    frames = cv2.dilate(frames.astype(np.uint8), np.ones((3, 1), np.uint8)).astype(bool)
    paper = cv2.morphologyEx(canvas, cv2.MORPH_CLOSE, np.ones((THICK_PX, 1), np.uint8))
    return np.where(frames[..., None], paper, canvas)
