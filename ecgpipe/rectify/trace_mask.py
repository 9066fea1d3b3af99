"""What covers the lines of the grid: the trace and other black ink, told from the grid by colour and breadth."""

import cv2
import numpy as np

from ecgpipe.rectify.mesh import CANVAS_PX_PER_MM, GridMesh

# "Log" is the section "Folds" of docs/log.md.
BLUR_PX = 1.0  # standard deviation: so blurred, the thin lines of a black grid are paler than the trace (log)
LINE_MM = 0.4  # half the width in which a line's contrast is looked for; not swept
LINE_QUANTILE = 0.9  # over the lines: one that straddles two pixels is paler (log, "Where the lines are printed")
PALEST_TRACE = 0.15  # contrast, so blurred, below which nothing is taken for the trace; not swept
ABOVE_LINES = 1.35, 0.05  # factor and summand by which the trace's contrast exceeds the lines'; not swept
MOST_LEVEL = 0.5  # contrast of the lines above which a grid cannot be told from the trace; not swept
MOST_SHARE = 0.15  # of the sheet; more that looks like a trace is mould; not swept
MASK_PX = 5  # width to which each masked pixel grows; 9 is no better (log)


def without_trace(dark: np.ndarray, ink: np.ndarray, mesh: GridMesh) -> np.ndarray:
    """`dark` with NaN where the trace is, as far as `ink`, the contrast of black, tells it from the lines of the grid.

    A QRS complex, a pulse or a letter beside a line would be measured as that line out of place. Where the trace cannot
    be told from the grid, `dark` comes back as it is.
    """
    ink = cv2.GaussianBlur(ink, (0, 0), BLUR_PX)
    canvas = mesh.canvas(cv2.dilate(ink, np.ones((3, 3), np.uint8)))
    level = max(_line_level(canvas, mesh.step_mm), _line_level(canvas.T, mesh.step_mm))
    factor, summand = ABOVE_LINES
    trace = max(PALEST_TRACE, factor * level + summand)
    if level > MOST_LEVEL or (canvas > trace).mean() > MOST_SHARE:
        return dark
    return np.where(cv2.dilate(ink, np.ones((MASK_PX, MASK_PX), np.uint8)) > trace, np.float32(np.nan), dark)


def _line_level(canvas: np.ndarray, step_mm: float) -> float:
    """Contrast of the darkest of the lines that cross the canvas from top to bottom, where nothing covers them."""
    cell = round(step_mm * CANVAS_PX_PER_MM)
    half = round(LINE_MM * CANVAS_PX_PER_MM)
    at_line = canvas.reshape(len(canvas), -1, cell)[..., cell // 2 - half : cell // 2 + half].max(axis=-1)
    return float(np.quantile(np.median(at_line, axis=0), LINE_QUANTILE))
