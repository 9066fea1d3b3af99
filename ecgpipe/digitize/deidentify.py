"""A picture without anything that tells whose it is: of the page only the ink of the traces is left.

Texts need not be found for that, and none can be missed. What is not within KEPT_MM of a trace that was surely read is
drawn anew from the layout alone: paper, grid, lead names, pulses, speed and gain.
"""

import cv2
import numpy as np

from ecgpipe.digitize.overlay import trace_mm
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, LEADS, PageLayout

PAPER_RGB, GRID_RGB, INK_RGB = (255, 255, 255), (255, 205, 205), (40, 40, 40)
KEPT_MM = 0.7  # either side of a trace: lines are 0.2 to 0.5 mm wide, letters 2 to 5 mm high
SURE_MV = 0.3  # two standard errors of a sample whose ink is kept; steep waves have such, what is no trace has more
LETTER_MM = 2.8  # height of capitals
NAME_MM = (1.0, -7.0)  # of a lead's name, right of its window's start and below its 0 mV
SCALES_MM = 14.0  # of speed and gain below the last row
_FONT, _RASTER = cv2.FONT_HERSHEY_SIMPLEX, 12.0  # letters are drawn at so many px/mm before they are laid on the page
_CAPITALS_PX = 21.0  # of the font at scale 1
_SHIFT = 4  # cv2 takes coordinates as integers with this many fractional bits
_FAR_PX = 1 << 20  # past any picture, and below what overflows after the shift


def deidentified(
    picture: np.ndarray, page_map: PageMap, series_mv: np.ndarray, sigma_mv: np.ndarray, layout: PageLayout
) -> np.ndarray:
    """`picture` (H, W, 3) uint8 RGB with nothing left of it but the ink about its traces.

    `series_mv` and `sigma_mv`, each (12, n), are what was read of the page of `layout` that `page_map` finds there. A
    pixel elsewhere does not depend on the picture.
    """
    drawn = np.full_like(picture, PAPER_RGB)
    _draw_grid(drawn, page_map, layout)
    for pulse in layout.pulses:
        zero = layout.baselines_mm[pulse.row]
        top = zero - pulse.gain_ratio * layout.gain_mm_per_mv
        corners = [(pulse.left_mm, zero), (pulse.left_mm, top), (pulse.right_mm, top), (pulse.right_mm, zero)]
        _draw_lines(drawn, [np.array(corners)], page_map, INK_RGB, 0.25)
    kept = _about_traces(picture.shape[:2], page_map, series_mv, sigma_mv, layout)
    drawn[kept] = picture[kept]
    for window in layout.windows:
        name = f"-{window.lead}" if window.gain_ratio < 0 else window.lead
        _draw_text(drawn, name, (window.left_mm + NAME_MM[0], layout.baselines_mm[window.row] + NAME_MM[1]), page_map)
    scales = f"{layout.nominal_speed_mm_per_s:g} mm/s  {layout.gain_mm_per_mv:g} mm/mV"
    _draw_text(drawn, scales, (layout.left_mm, layout.baselines_mm[-1] + SCALES_MM), page_map)
    return drawn


def _about_traces(
    shape: tuple[int, ...], page_map: PageMap, series_mv: np.ndarray, sigma_mv: np.ndarray, layout: PageLayout
) -> np.ndarray:
    """Which pixels (H, W) lie about a trace that was surely read."""
    sure = np.where(2 * sigma_mv < SURE_MV, series_mv, np.nan)
    kept = np.zeros(shape, np.uint8)
    for window in layout.windows:
        stretches = trace_mm(sure[LEADS.index(window.lead)], window, layout)
        _draw_lines(kept, stretches, page_map, 255, 2 * KEPT_MM)
    return kept > 0


def _draw_grid(drawn: np.ndarray, page_map: PageMap, layout: PageLayout) -> None:
    across, down = layout.lines_mm()
    lines = [np.array([(x, y) for y in down]) for x in across] + [np.array([(x, y) for x in across]) for y in down]
    _draw_lines(drawn, lines, page_map, GRID_RGB, 0.15)


def _draw_lines(
    drawn: np.ndarray, lines_mm: list[np.ndarray], page_map: PageMap, colour: int | tuple[int, ...], wide_mm: float
) -> None:
    """Draw lines, each given as points (n, 2) in mm of the page."""
    thickness = max(1, round(wide_mm * page_map.px_per_mm))
    for line in lines_mm:
        points = np.clip(page_map.to_picture(line), -_FAR_PX, _FAR_PX) * (1 << _SHIFT)
        cv2.polylines(drawn, [np.round(points).astype(np.int32)], False, colour, thickness, cv2.LINE_8, _SHIFT)


def _draw_text(drawn: np.ndarray, text: str, at_mm: tuple[float, float], page_map: PageMap) -> None:
    """Draw `text` along the page's own x, its lower left corner at `at_mm`."""
    scale = LETTER_MM * _RASTER / _CAPITALS_PX
    (wide, high), below = cv2.getTextSize(text, _FONT, scale, 3)
    letters = np.zeros((high + below + 8, wide + 8), np.uint8)
    cv2.putText(letters, text, (4, high + 4), _FONT, scale, 255, 3, cv2.LINE_AA)
    corner, right, down = page_map.to_picture(np.array(at_mm) + np.array([(0.0, 0.0), (BOX_MM, 0.0), (0.0, BOX_MM)]))
    turn = np.stack([right - corner, down - corner], axis=1) / (BOX_MM * _RASTER)
    shift = corner - turn @ (4.0, high + 4.0)
    height, width = letters.shape
    box = shift + np.array([(0, 0), (width, 0), (0, height), (width, height)]) @ turn.T
    left, top = np.clip(np.floor(box.min(axis=0)), 0, drawn.shape[1::-1]).astype(int)
    end, bottom = np.clip(np.ceil(box.max(axis=0)), 0, drawn.shape[1::-1]).astype(int)
    if left >= end or top >= bottom:
        return  # beyond the picture
    affine = np.column_stack([turn, shift - (left, top)])
    ink = cv2.warpAffine(letters, affine, (int(end - left), int(bottom - top)), flags=cv2.INTER_LINEAR)
    drawn[top:bottom, left:end][ink > 100] = INK_RGB
