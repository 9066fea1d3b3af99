"""What the marks' network sees of a sheet: frames about the leads are painted over, and nothing else."""

import cv2
import numpy as np
import pytest

from ecgpipe.recognize.canvas import without_frames
from ecgpipe.recognize.marks import PX_PER_MM

HEIGHT, WIDTH = 400, 1000
FRAME_ROWS = (40, 300, 360)


def paper(line_every_mm: float = 5.0, grid: int = 200) -> np.ndarray:
    """A canvas (HEIGHT, WIDTH, 3) of white paper with grid lines of the level `grid`."""
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    step = round(line_every_mm * PX_PER_MM)
    canvas[::step], canvas[:, ::step] = grid, grid
    return canvas


def with_trace(canvas: np.ndarray) -> np.ndarray:
    """The canvas with a wave in its middle that crosses the rows of `FRAME_ROWS`."""
    x = np.arange(20, WIDTH - 20)
    points = np.stack([x, 200 + 190 * np.sin(x / 15) ** 9], axis=-1).round().astype(np.int32)
    return cv2.polylines(canvas.copy(), [points], False, (20, 20, 20), 2)


def with_frames(canvas: np.ndarray, thick: int = 2) -> np.ndarray:
    canvas = canvas.copy()
    for row in FRAME_ROWS:
        canvas[row : row + thick, 10 : WIDTH - 10] = 30
    return canvas


@pytest.mark.parametrize("thick", [1, 2, 4])
def test_frames_go_and_what_crosses_them_stays(thick):
    bare = with_trace(paper())
    found = without_frames(with_frames(bare, thick))
    off = np.abs(found.astype(int) - bare).max(axis=-1)
    beside = np.ones(HEIGHT, bool)
    for row in FRAME_ROWS:
        beside[row - 2 : row + thick + 2] = False
    assert off[beside].max() == 0
    assert (off[~beside] > 60).mean() < 0.02  # where a trace runs along a frame
    crossing = np.argwhere(bare[FRAME_ROWS[1] + 1, :, 0] < 50).ravel()
    assert (found[FRAME_ROWS[1] + 1, crossing, 0] < 50).mean() > 0.9


@pytest.mark.parametrize("grid", [200, 120, 60])
def test_a_grid_however_dark_is_no_frame(grid):
    canvas = with_trace(paper(grid=grid))
    assert without_frames(canvas) is canvas
