"""Where this print has its lines: the page's program snaps each one to a pixel.

The snapping is the same on every page of 200 dpi and is known from the layout, and it survives print and camera. It
moves a line by up to 0.064 mm, which is 1.3 samples of 500 Hz. As it drifts over several boxes no smoothing takes it
out; and it proves which line is which.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ecgpipe.page.layout import BOX_MM, PageLayout

# Boxes right of its place that a page may stand: pages without pulses begin one box early, which two renders and a scan
# do (docs/log.md, "Where the lines are printed"). The regular place comes first, so that it wins a tie.
DISPLACEMENTS = (0, -1, 1, -2, 2)
LEAST_CORRELATION = (
    0.35  # from which the snapping is present: 0.7 to 0.9 on prints that have it, 0.13 is usual on others
)
LEAST_LINES = 12  # triples of neighbouring lines that a correlation needs; not swept
SEEN_SHARE = 0.25  # of the usual weight from which a line as a whole was seen; not swept


@dataclass(frozen=True)
class Snapping:
    """How far each line of a mesh was printed right of its regular place, or below it, in mm.

    `across_mm` (cols,) and `down_mm` (rows,) are 0 where no snapping is present. `correlation` is that of the snapping
    with the lines measured, across and down, and `displaced_boxes` how far right of its place, and below it, the page
    stands.
    """

    across_mm: np.ndarray
    down_mm: np.ndarray
    correlation: tuple[float, float]
    displaced_boxes: tuple[int, int]

    @property
    def present(self) -> tuple[bool, bool]:
        """Whether the print has the snapping, across and down."""
        return self.correlation[0] > LEAST_CORRELATION, self.correlation[1] > LEAST_CORRELATION

    @property
    def displaced(self) -> bool:
        """Whether the print proves that the page does not stand at its place."""
        return any(present and boxes for present, boxes in zip(self.present, self.displaced_boxes, strict=True))

    @property
    def offset_mm(self) -> np.ndarray:
        """How far the lines of every node were printed off their places, (rows, cols, 2)."""
        return np.stack(np.broadcast_arrays(self.across_mm[None, :], self.down_mm[:, None]), axis=-1)


def find_snapping(residual_mm: np.ndarray, weight: np.ndarray, first: tuple[int, int], layout: PageLayout) -> Snapping:
    """The snapping of a print whose lines lie `residual_mm` (rows, cols, 2) off a smooth sheet, seen with `weight`.

    The mesh's first column and row are the page's lines `first`. The displacement with the highest correlation counts.
    """
    found = []
    for axis in (0, 1):
        total = weight[..., axis].sum(axis=axis)
        mean = (residual_mm[..., axis] * weight[..., axis]).sum(axis=axis) / np.maximum(total, 1e-9)
        seen = total > SEEN_SHARE * np.median(total)
        candidates = [snapping_mm(layout, axis, len(mean), first[axis] + boxes) for boxes in DISPLACEMENTS]
        correlations = [_correlation(mean, candidate, seen) for candidate in candidates]
        best = int(np.argmax(correlations))
        lines = candidates[best] if correlations[best] > LEAST_CORRELATION else np.zeros(len(mean))
        found.append((lines, correlations[best], DISPLACEMENTS[best]))
    (across_mm, correlation_across, boxes_right), (down_mm, correlation_down, boxes_down) = found
    return Snapping(across_mm, down_mm, (correlation_across, correlation_down), (boxes_right, boxes_down))


@cache
def snapping_mm(layout: PageLayout, axis: int, count: int, first: int) -> np.ndarray:
    """How far `count` lines from line `first` on are printed off their regular places, in mm; 0 beyond the page."""
    lines = layout.lines_mm()[axis]
    regular = (layout.grid.left_mm, layout.grid.top_mm)[axis] + BOX_MM * np.arange(len(lines))
    index = first + np.arange(count)
    on_page = (index >= 0) & (index < len(lines))
    return np.where(on_page, (lines - regular)[np.clip(index, 0, len(lines) - 1)], 0.0)


def _correlation(mean: np.ndarray, candidate: np.ndarray, seen: np.ndarray) -> float:
    """Correlation of the second differences, in which slow changes, such as the paper's own, hardly count."""
    whole = seen[:-2] & seen[1:-1] & seen[2:]
    if whole.sum() < LEAST_LINES:
        return 0.0
    a, b = np.diff(mean, 2)[whole], np.diff(candidate, 2)[whole]
    return float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-12))
