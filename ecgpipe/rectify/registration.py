"""Colour registration: how far right of its grid a print has its black ink.

A printer lays its colours down one after the other, some hundredths of a millimetre apart. The distance changes along
the sheet as drums and rollers turn, a wave that is the same in all rows; and across it, as the laser's scan lines are a
little skew and bowed. The map is measured on the grid, but the trace is black. So the map is moved to where black ink
lies whose place on the page is known: the letters of the kit's own texts (`lettering`), with a smooth curve between
them; else, beside a coloured grid, pulses and separators, which give one number. On phone photos this is about half a
sample of time, on the competition's black-and-white scans one.
"""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, PageLayout, Pulse, Separator
from ecgpipe.rectify.glyphs import Letters
from ecgpipe.rectify.lettering import find_letters

# Along the sheet the displacement is a Gaussian process. What was tried is in "The time axis of prints" of docs/log.md.
# Prints that a page may be: standard deviation in mm of the wave, and whether there is skew. The last was chosen by
# what real pages scored.
PRINTS = ((0.0, 0), (0.0, 1), (0.01, 1), (0.02, 1), (0.04, 1))
WAVE_LENGTH_MM = 15.0  # over which the wave is alike: a sinusoid of 94 mm, a drum of 30 mm, curves so; 12 and 20 tried
# Standard deviations of a shift, of the skew and of the bow of scan lines, ACROSS_MM away from MIDDLE_MM; not swept.
SKEW_MM, MIDDLE_MM, ACROSS_MM = (0.04, 0.04, 0.03), 150.0, 100.0
# Standard deviation of the error that letters share so far apart: the map between lines, the raster; and of a letter's
# own, 0.004 to 0.013 in the median. What makes the letters of 15 prints likeliest is 0.0156, 3.6 and 0.0106 mm (log).
SHARED_MM, SHARED_LENGTH_MM, LETTER_MM = 0.015, 3.5, 0.01
OUTLIER_MM = 0.05  # distance from the curve at which a letter counts half; 0.03 tried
FIT_ROUNDS = 4

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


def to_ink(picture: np.ndarray, page_map: PageMap, layout: PageLayout, coloured: bool, boxes_right: int = 0) -> PageMap:
    """The map of a page in `picture` (H, W, 3) moved from the grid, which may be `coloured`, to the black ink.

    `boxes_right` is how many boxes right of its place the page stands.
    """
    letters = find_letters(picture, page_map, layout) if not boxes_right else None  # else set by another raster
    if letters is not None:
        if np.median(np.abs(letters.off_mm)) < NOISE_MM:  # a render
            return page_map
        points = np.moveaxis(np.indices(page_map.nodes.shape[:2])[::-1], 0, -1) * page_map.step_mm
        points[..., 0] += ink_shift_mm(letters, points)
        return replace(page_map, nodes=page_map.to_picture(points).astype(np.float32))
    if coloured:
        return page_map.displaced((ink_offset_mm(picture, page_map, layout, boxes_right), 0.0))
    return page_map


def ink_shift_mm(letters: Letters, points_mm: np.ndarray) -> np.ndarray:
    """How far right of the grid black ink lies at page points (..., 2), by the letters.

    The mean of several Gaussian processes, from a print in register to one with the highest wave, each with the weight
    that the letters give it: its marginal likelihood. Letters far from the last one's curve count less, with Cauchy's
    weights.
    """
    ours, off = letters.at_mm, letters.off_mm
    apart = np.linalg.norm(ours[:, None] - ours, axis=-1)
    noise = SHARED_MM**2 * np.exp(-0.5 * (apart / SHARED_LENGTH_MM) ** 2) + LETTER_MM**2 * np.eye(len(ours))
    (wave, skew), root = _covariances(ours, ours), np.ones(len(ours))  # `root` of a letter's weight
    alike = PRINTS[-1][0] ** 2 * wave + skew
    for _ in range(FIT_ROUNDS):
        factors = np.linalg.solve(alike + noise / np.outer(root, root), off)
        root = 1 / np.hypot(1, (off - alike @ factors) / OUTLIER_MM)
    evidence, factors_of = [], []
    for height, skewed in PRINTS:
        total = height**2 * wave + skewed * skew + noise / np.outer(root, root)
        factors = np.linalg.solve(total, off)
        evidence.append(-0.5 * (off @ factors + np.linalg.slogdet(total)[1]))
        factors_of.append((height**2 * factors, skewed * factors))
    share = np.exp(np.array(evidence) - max(evidence))
    of_wave, of_skew = np.einsum("p,pkn->kn", share / share.sum(), np.array(factors_of))
    # The wave depends on x alone, the skew on y alone.
    (along, at_x), (down, at_y) = (np.unique(points_mm[..., axis], return_inverse=True) for axis in (0, 1))
    there_wave, _ = _covariances(np.stack([along, 0 * along], axis=1), ours)
    _, there_skew = _covariances(np.stack([0 * down, down], axis=1), ours)
    return ((there_wave @ of_wave)[at_x] + (there_skew @ of_skew)[at_y]).reshape(points_mm.shape[:-1])


def _covariances(these: np.ndarray, those: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances (n, m) of the displacement at page points (n, 2) and (m, 2): of a wave of 1 mm, and in mm² of skew
    and bow."""
    wave = np.exp(-0.5 * ((these[:, None, 0] - those[:, 0]) / WAVE_LENGTH_MM) ** 2)
    down = [(points[:, 1:] - MIDDLE_MM) / ACROSS_MM for points in (these, those)]
    powers = [np.hstack([at**0, at, at**2]) * SKEW_MM for at in down]
    return wave, powers[0] @ powers[1].T


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
