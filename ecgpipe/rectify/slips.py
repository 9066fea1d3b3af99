"""Parts of a sheet whose lines were counted wrong, told and put right by the pattern that the print has its lines off.

Where boxes were miscounted over a fold or a stain, every line is smooth and sharp and the next one's. But each line
lies off its regular place in its own way, and beside the wrong neighbours that does not fit.
"""

import cv2
import numpy as np

from ecgpipe.rectify.printed import Pattern, snapped

SLIPS = (0, -1, 1, -2, 2)  # boxes
WINDOW = (9, 9)  # lines across and along, over which the evidence is gathered
MOST_OFF_MM = 0.15  # a crease proves nothing
FACTOR = 0.6  # of what the counted place leaves unexplained; another place that leaves less may be the right one
MARGIN = 0.05  # less by this much, and a node belongs to such a part beside it
LEAST_SEEN = 0.3  # share of the window
LEAST_GAIN_MM2 = 0.8  # over all of a part; noise at a sheet's edge reaches 0.4, slips over a fold 2


def find_slips(off_mm: np.ndarray, weight: np.ndarray, pattern: Pattern, first: tuple[int, int]) -> np.ndarray:
    """By how many boxes (rows, cols, 2) the line at a node lies right of, or below, the one that it was counted as.

    The lattice's lines lie `off_mm` (rows, cols, 2) a flat sheet, seen with `weight`, and its first are the page's
    `first`; all 0 where the print does not show the pattern. Second differences across the lines are compared: paper
    hardly bends within two boxes, and the pattern does.
    """
    boxes = np.zeros(off_mm.shape, int)
    for axis in (0, 1):
        if not pattern.shown[axis]:
            continue
        lines, seen = off_mm[..., axis], weight[..., axis] > 0
        if axis == 1:
            lines, seen = lines.T, seen.T
        found = _slips_of(lines, seen, axis, first[axis] + pattern.places[axis])
        boxes[..., axis] = found if axis == 0 else found.T
    return boxes


def _slips_of(off_mm: np.ndarray, seen: np.ndarray, axis: int, first: int) -> np.ndarray:
    """The same for the lines that are columns of `off_mm`, the first of them the page's line `first`."""
    bend = np.diff(off_mm, 2, axis=1)
    whole = (seen[:, :-2] & seen[:, 1:-1] & seen[:, 2:]).astype(np.float32)
    left = []
    for slip in SLIPS:
        expected = np.diff(snapped(axis, off_mm.shape[1], first + slip), 2)
        unexplained = np.minimum((bend - expected) ** 2, MOST_OFF_MM**2).astype(np.float32) * whole
        left.append(cv2.blur(unexplained, WINDOW, borderType=cv2.BORDER_CONSTANT))
    share = np.maximum(cv2.blur(whole, WINDOW, borderType=cv2.BORDER_CONSTANT), LEAST_SEEN)
    slips, most = np.zeros(bend.shape, int), np.zeros(bend.shape)
    for number, slip in enumerate(SLIPS[1:], start=1):
        gain = (left[0] - left[number]) / share
        told = gain > (1 - FACTOR) * left[0] / share
        _, parts = cv2.connectedComponents((gain > MARGIN * left[0] / share).astype(np.uint8))
        believed = np.bincount(parts.ravel(), np.where(told, gain, 0.0).ravel()) > LEAST_GAIN_MM2
        believed[0] = False
        better = believed[parts] & (gain > most)
        slips, most = np.where(better, slip, slips), np.where(better, gain, most)
    return np.pad(slips, ((0, 0), (1, 1)), mode="edge")


def put_right(nodes: np.ndarray, weight: np.ndarray, slips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`nodes` (rows, cols, 2) moved to where their lines belong, and the `weight` they have there, 0 if none came."""
    rows, cols = weight.shape[:2]
    row, col = np.indices((rows, cols))
    to_col, to_row = col + slips[..., 0], row + slips[..., 1]
    kept = (to_col >= 0) & (to_col < cols) & (to_row >= 0) & (to_row < rows)
    moved, known = nodes.copy(), np.zeros_like(weight)
    moved[to_row[kept], to_col[kept]] = nodes[kept]
    known[to_row[kept], to_col[kept]] = weight[kept]
    return moved, known
