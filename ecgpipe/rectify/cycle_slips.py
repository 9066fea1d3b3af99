"""Parts of a sheet whose boxes may have been miscounted: told, and put right where the print proves what they are.

Where boxes are miscounted over a fold or a stain, every line beyond is smooth and sharp and the next one's. But then
no path over lines that were seen leads there, or they would have been counted right; and each line lies off its
regular place in its own way, which does not fit beside the wrong neighbours.
"""

import cv2
import numpy as np

from ecgpipe.page.layout import PageLayout
from ecgpipe.rectify.snapping import Pattern, snapped

SLIPS = (-1, 0, 1)  # boxes
# Blocks of so many crossings that were all seen, by which the sheet hangs together, and how many triples of lines
# prove something of a part that does not: narrow paths may lead over a slip, broad ones leave small parts alone.
BROAD, NARROW = (3, 20), (2, 8)
MOST_OFF_MM = 0.15  # a crease proves nothing
FACTOR = 0.7  # of what every other place leaves unexplained; the right place leaves less


def find_slips(
    off_mm: np.ndarray, seen: np.ndarray, pattern: Pattern, first: tuple[int, int], layout: PageLayout
) -> tuple[np.ndarray, np.ndarray]:
    """By how many boxes (rows, cols, 2) the line at a node proves to lie right of, or below, the one that it was
    counted as; and where (rows, cols) it may, as nothing proves it.

    The lattice's lines lie `off_mm` (rows, cols, 2) a flat sheet, its crossings were `seen` (rows, cols), and its first
    lines are the page's `first`. Second differences across the lines are compared with the pattern's: paper hardly
    bends within two boxes, and the pattern does.
    """
    boxes, doubtful = np.zeros(off_mm.shape, int), np.zeros(seen.shape, bool)
    for block, least in (BROAD, NARROW):
        mainland, islands = _parts(seen, block)
        told = [_slip_of(off_mm, mainland, least, pattern, first, axis, layout) == 0 for axis in (0, 1)]
        for part in islands:
            proven = [
                _slip_of(off_mm, part, least, pattern, first, axis, layout) if told[axis] else None for axis in (0, 1)
            ]
            if (block, least) == NARROW and None in proven:
                doubtful |= part
            for axis in (0, 1):
                if proven[axis]:
                    boxes[part, axis] = proven[axis]
    return boxes, doubtful


def _parts(seen: np.ndarray, block: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The largest part (rows, cols) of the sheet that hangs together by blocks seen, and each of the others."""
    kernel = np.ones((block, block), np.uint8)
    whole = cv2.erode(seen.astype(np.uint8), kernel, anchor=(0, 0), borderValue=0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    by_size = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA])
    parts = [cv2.dilate((labels == k).astype(np.uint8), kernel, anchor=(block - 1, block - 1)) > 0 for k in by_size]
    if not parts:
        return np.zeros(seen.shape, bool), []
    return parts[0], [part & ~parts[0] for part in parts[1:]]


def _slip_of(
    off_mm: np.ndarray,
    part: np.ndarray,
    least: int,
    pattern: Pattern,
    first: tuple[int, int],
    axis: int,
    layout: PageLayout,
) -> int | None:
    """By how many boxes the lines of `part` were miscounted across `axis`; None where the print does not tell."""
    lines = off_mm[..., axis]
    if axis == 1:
        lines, part = lines.T, part.T
    whole = part[:, :-2] & part[:, 1:-1] & part[:, 2:]
    if not pattern.shown[axis] or whole.sum() < least:
        return None
    bend = np.diff(lines, 2, axis=1)
    left = []
    for slip in SLIPS:
        expected = np.diff(snapped(layout, axis, lines.shape[1], first[axis] + pattern.places[axis] + slip), 2)
        left.append((np.minimum(np.abs(bend - expected), MOST_OFF_MM)[whole] ** 2).sum())
    best = int(np.argmin(left))
    return SLIPS[best] if left[best] < FACTOR * sorted(left)[1] else None


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
