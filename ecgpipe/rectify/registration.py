"""Colour registration: how far right of its coloured grid a print has its black ink.

A printer lays its colours down one after the other, some hundredths of a millimetre apart, and not by the same distance
all over the sheet. The map is measured on the grid, but the trace is black. So the map is corrected by where the black
pulses and separators lie, whose places on the page are known. On phone photos this is about half a sample of time.
"""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, PageLayout, Pulse, Separator

# "Log" is the section "Ink beside the grid" of docs/log.md; of the other values no choice is recorded.
REACH_MM, STEP_MM = 3.0, 0.05  # of the profile across a stroke
ENDS_MM = 1.5  # left out at the ends of a pulse's flank, where its other strokes begin
HEIGHTS = 40  # samples along a stroke
QUANTILE = 0.4  # of the darkness along a stroke: neither a trace that crosses it nor a gap counts
STROKE_MM = 0.45  # standard deviation of the window in which a stroke is centred
CENTRINGS = 8  # times that the window is moved onto the stroke
FAINTEST = 0.12  # contrast of a stroke that is seen
MOST_MM = 0.13  # offset at most; what lies further off is another stroke. Up to 0.08 was seen on photos (log)
NOISE_MM = 0.005  # of the page's offset: on simulated pages, which are in register, 0 to 0.005 (log)
LEAST_PLACES = 3  # of the kit's four (the pulses, three columns of separators), for a median


def ink_offset_mm(picture: np.ndarray, page_map: PageMap, layout: PageLayout, boxes_right: int = 0) -> float:
    """How far right of the grid the black ink of `picture` (H, W, 3) lies, in page mm; 0 if too little of it is seen.

    `boxes_right` is how many boxes right of its place the page stands.
    """
    columns = sorted({separator.x_mm for separator in layout.separators})
    places = [
        [_separator(layout, separator, boxes_right) for separator in layout.separators if separator.x_mm == x_mm]
        for x_mm in columns
    ]
    offsets = []
    for strokes in ([flank for pulse in layout.pulses for flank in _flanks(layout, pulse)], *places):
        off = np.array([_off(picture, page_map, *stroke) for stroke in strokes])
        off = off[np.abs(off) < MOST_MM]
        if len(off):
            offsets.append(np.median(off))
    if len(offsets) < LEAST_PLACES:
        return 0.0
    offset = float(np.median(offsets))  # a steep wave beside a separator may pull one of them
    return offset * max(0.0, 1.0 - (NOISE_MM / offset) ** 2) if offset else 0.0  # James and Stein's shrinkage


def _flanks(layout: PageLayout, pulse: Pulse) -> list[tuple[float, float, float]]:
    """Page x, top and bottom in mm of a calibration pulse's flanks."""
    zero = layout.baselines_mm[pulse.row]
    top, bottom = zero - layout.gain_mm_per_mv + ENDS_MM, zero - ENDS_MM
    return [(x, top, bottom) for x in (pulse.left_mm, pulse.right_mm)]


def _separator(layout: PageLayout, separator: Separator, boxes_right: int) -> tuple[float, float, float]:
    """Page x, top and bottom in mm of a separator, snapped to a pixel by the page's program."""
    moved = boxes_right * BOX_MM
    zero, half = layout.baselines_mm[separator.row], separator.height_mm / 2
    return layout.snapped_mm(separator.x_mm + moved) - moved, zero - half, zero + half


def _off(picture: np.ndarray, page_map: PageMap, x_mm: float, top_mm: float, bottom_mm: float) -> float:
    """How far right of its place a stroke lies, in mm; NaN if it is not seen."""
    across = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)
    points = np.stack(np.meshgrid(x_mm + across, np.linspace(top_mm, bottom_mm, HEIGHTS)), axis=-1)
    at = page_map.to_picture(points).astype(np.float32)
    patch = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = np.quantile(patch.max(axis=-1), 1 - QUANTILE, axis=0)  # of the lightest channel, where colours are paler
    paper = max(float(np.median(light)), 1.0)
    profile = np.maximum(1.0 - light / paper, 0.0)
    if profile.max() < FAINTEST:
        return float("nan")
    off = 0.0
    for _ in range(CENTRINGS):
        window = profile * np.exp(-0.5 * ((across - off) / STROKE_MM) ** 2)
        off = float((window * across).sum() / max(window.sum(), 1e-9))
    return off
