"""Cycle slips: parts of a sheet whose boxes were miscounted; found, and corrected where the print proves the count.

Where boxes are miscounted over a fold or a stain, every line beyond is smooth and sharp, and is the next one's. Two
things tell such a part. No path over crossings that were seen leads to it, or its boxes would have been counted right.
And each line is snapped off its regular place in its own way, which does not fit if it is taken for its neighbour.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgpipe.page.layout import PageLayout
from ecgpipe.rectify.snapping import Snapping, snapping_mm

# Names in quotes are sections of docs/log.md.
SLIPS = (-1, 0, 1)  # boxes that are tried; not swept
MOST_OFF_MM = 0.15  # at which a line's misfit to the snapping is clipped, because a crease proves nothing; not swept
# The right count leaves less than this factor of the next best's sum of squares; with 0.75 and eight triples 44 right
# crossings were moved ("Slips told").
FACTOR = 0.7


@dataclass(frozen=True)
class Connection:
    """Crossings are connected by square blocks, `block` of them wide, in which all were seen.

    A part connected in that way must have `least_triples` triples of neighbouring lines to prove how it was counted.
    """

    block: int
    least_triples: int


# A narrow path may lead over a slip; a broad one leaves small parts unconnected. So both are tried: of 3,956 crossings
# that had slipped they put 2,304 and 2,502 right, and moved none wrongly ("Slips told").
BROAD, NARROW = Connection(block=3, least_triples=20), Connection(block=2, least_triples=8)


def find_cycle_slips(
    residual_mm: np.ndarray, seen: np.ndarray, snapping: Snapping, first: tuple[int, int], layout: PageLayout
) -> tuple[np.ndarray, np.ndarray]:
    """By how many boxes each line was miscounted (rows, cols, 2), and which nodes (rows, cols) are doubtful.

    A node's line lies so many boxes right of the one it was counted as, or below it. Doubtful is a node that is not
    connected with the largest part of the sheet, and whose part the print does not prove to be counted right or wrong.

    The lines lie `residual_mm` (rows, cols, 2) off a flat sheet, `seen` (rows, cols) are the crossings seen, and the
    mesh's first lines are the page's `first`. Second differences across the lines are compared with those of the
    snapping: paper hardly bends within two boxes, the snapping changes from line to line.
    """
    boxes, doubtful = np.zeros(residual_mm.shape, int), np.zeros(seen.shape, bool)

    def slip_of(part: np.ndarray, axis: int, least_triples: int) -> int | None:
        if not snapping.present[axis]:
            return None
        lines, of_lines = (residual_mm[..., 0], part) if axis == 0 else (residual_mm[..., 1].T, part.T)
        begin = first[axis] + snapping.displaced_boxes[axis]
        candidates = [snapping_mm(layout, axis, lines.shape[1], begin + slip) for slip in SLIPS]
        return _slip_of(lines, of_lines, candidates, least_triples)

    for connection in (BROAD, NARROW):
        largest, others = _parts(seen, connection.block)
        counted_right = [slip_of(largest, axis, connection.least_triples) == 0 for axis in (0, 1)]
        for part in others:
            slips = [slip_of(part, axis, connection.least_triples) if counted_right[axis] else None for axis in (0, 1)]
            if connection == NARROW and None in slips:
                doubtful |= part
            for axis, slip in enumerate(slips):
                if slip:
                    boxes[part, axis] = slip
    return boxes, doubtful


def _parts(seen: np.ndarray, block: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The largest connected part (rows, cols) of the sheet, and each of the others; see Connection."""
    kernel = np.ones((block, block), np.uint8)
    whole = cv2.erode(seen.astype(np.uint8), kernel, anchor=(0, 0), borderValue=0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    by_size = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA])
    parts = [cv2.dilate((labels == k).astype(np.uint8), kernel, anchor=(block - 1, block - 1)) > 0 for k in by_size]
    if not parts:
        return np.zeros(seen.shape, bool), []
    return parts[0], [part & ~parts[0] for part in parts[1:]]


def _slip_of(lines: np.ndarray, part: np.ndarray, candidates: list[np.ndarray], least_triples: int) -> int | None:
    """By how many boxes the `lines` (n, lines) of `part` (n, lines) were miscounted; None where it is not proven.

    `candidates` has the snapping (lines,) for each of SLIPS.
    """
    whole = part[:, :-2] & part[:, 1:-1] & part[:, 2:]
    if whole.sum() < least_triples:
        return None
    bend = np.diff(lines, 2, axis=1)
    left = []
    for snapping in candidates:
        expected = np.diff(snapping, 2)
        left.append((np.minimum(np.abs(bend - expected), MOST_OFF_MM)[whole] ** 2).sum())
    best = int(np.argmin(left))
    return SLIPS[best] if left[best] < FACTOR * sorted(left)[1] else None


def correct_slips(nodes: np.ndarray, weight: np.ndarray, slips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`nodes` (rows, cols, 2) moved to the places of their lines, and their `weight` there; 0 where no node came to."""
    rows, cols = weight.shape[:2]
    row, col = np.indices((rows, cols))
    to_col, to_row = col + slips[..., 0], row + slips[..., 1]
    kept = (to_col >= 0) & (to_col < cols) & (to_row >= 0) & (to_row < rows)
    moved, known = nodes.copy(), np.zeros_like(weight)
    moved[to_row[kept], to_col[kept]] = nodes[kept]
    known[to_row[kept], to_col[kept]] = weight[kept]
    return moved, known
