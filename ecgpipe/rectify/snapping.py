"""Where the lines of this very print are: the kit snaps each to a pixel, and that pattern survives printing and camera.

The pattern is the same on every page of 200 dpi. It is known from its own picture: up to 1.3 samples of time that no
smoothing takes out, as it drifts over several boxes, and a proof of which line is which. A printer's screen moves
coloured lines once more, by 0.01 or 0.02 mm, but not black ink, which it prints solid.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.rectify.smoothing import smooth

PLACES = (0, -1, 1, -2, 2)  # boxes that a page may stand right of its place: pages without pulses begin one box early
LEAST_LIKENESS = 0.35  # correlation from which the pattern is taken for seen; without it 0.13 is usual
LEAST_LINES = 12
RIPPLE = np.arange(0.25, 0.5, 0.001)  # cycles a box; what comes back more slowly may be the paper
CHANCE = 0.15  # share of the lines' variance that a sinusoid may well explain where there is none
EDGE_LINES = 3  # on either side, of which the outermost is the page's own edge


@dataclass(frozen=True)
class Pattern:
    """How far each line of a lattice (rows, cols) was printed right of, or below, its regular place.

    `across_mm` (cols,) and `down_mm` (rows,) are 0 where the print does not show the pattern; `likeness` of each is the
    correlation with what was measured, `places` the boxes that the page stands right of, or below, its place.
    """

    across_mm: np.ndarray
    down_mm: np.ndarray
    likeness: tuple[float, float]
    places: tuple[int, int]

    @property
    def shown(self) -> tuple[bool, bool]:
        """Whether the print has the pattern, across and down."""
        return self.likeness[0] > LEAST_LIKENESS, self.likeness[1] > LEAST_LIKENESS

    @property
    def beside(self) -> bool:
        """Whether the print shows that the page stands beside its place."""
        return any(shown and place for shown, place in zip(self.shown, self.places, strict=True))

    @property
    def shift_mm(self) -> np.ndarray:
        """The same for every node, (rows, cols, 2)."""
        return np.stack(np.broadcast_arrays(self.across_mm[None, :], self.down_mm[:, None]), axis=-1)


def find_pattern(departure_mm: np.ndarray, weight: np.ndarray, first: tuple[int, int], layout: PageLayout) -> Pattern:
    """The pattern in what `departure_mm` (rows, cols, 2) a smooth sheet leaves of the lines, seen with `weight`.

    The lattice's first column and row are the page's lines `first`.
    """
    found = []
    for axis in (0, 1):
        total = weight[..., axis].sum(axis=axis)
        mean = (departure_mm[..., axis] * weight[..., axis]).sum(axis=axis) / np.maximum(total, 1e-9)
        seen = total > 0.25 * np.median(total)
        candidates = [snapped(layout, axis, len(mean), first[axis] + place) for place in PLACES]
        likeness = [_likeness(mean, candidate, seen) for candidate in candidates]
        best = int(np.argmax(likeness))
        shown = likeness[best] > LEAST_LIKENESS
        found.append((candidates[best] if shown else np.zeros(len(mean)), likeness[best], PLACES[best]))
    across_mm, down_mm = (lines for lines, _, _ in found)
    return Pattern(across_mm, down_mm, *zip(*((like, place) for _, like, place in found), strict=True))


def find_ripple(departure_mm: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far right of its place a printer's screen has put each coloured line (cols,), in mm.

    `departure_mm` and `weight` (rows, cols) as measured. A screen moves a line by where it falls between its dots, all
    along alike and at a few boxes' distance again: a sinusoid over the lines, in what a stiff sheet leaves of them. The
    less it explains of that the less is told, and nothing where chance would explain as much.
    """
    total = weight.sum(axis=0)
    lines = np.arange(departure_mm.shape[1])
    seen = (total > 0.25 * np.median(total)) & (lines >= EDGE_LINES) & (lines < len(lines) - EDGE_LINES)
    if seen.sum() < LEAST_LINES:
        return np.zeros(len(lines))
    off = departure_mm - smooth(departure_mm, weight, stiffness=1.0)
    off = ((off * weight).sum(axis=0) / np.maximum(total, 1e-9))[seen]
    power = float(off @ off)
    if not power:
        return np.zeros(len(lines))
    explained, ripple = 0.0, np.zeros(len(lines))
    for frequency in RIPPLE:
        phase = 2 * np.pi * frequency * lines
        waves = np.stack([np.cos(phase), np.sin(phase)], axis=1)
        size, *_ = np.linalg.lstsq(waves[seen], off, rcond=None)
        share = 1 - float(np.square(off - waves[seen] @ size).sum()) / power
        if share > explained:
            explained, ripple = share, waves @ size
    return ripple * max(0.0, 1 - (CHANCE / max(explained, CHANCE)) ** 2)


@cache
def snapped(layout: PageLayout, axis: int, count: int, first: int) -> np.ndarray:
    """Printed less regular place in mm of `count` lines from line `first` on; 0 for lines that no page has."""
    lines = layout.lines_mm()[axis]
    regular = (layout.grid.left_mm, layout.grid.top_mm)[axis] + BOX_MM * np.arange(len(lines))
    index = first + np.arange(count)
    on_page = (index >= 0) & (index < len(lines))
    return np.where(on_page, (lines - regular)[np.clip(index, 0, len(lines) - 1)], 0.0)


def _likeness(mean: np.ndarray, candidate: np.ndarray, seen: np.ndarray) -> float:
    """Correlation of the second differences: what is left of either when every slow change is taken out."""
    whole = seen[:-2] & seen[1:-1] & seen[2:]
    if whole.sum() < LEAST_LINES:
        return 0.0
    a, b = np.diff(mean, 2)[whole], np.diff(candidate, 2)[whole]
    return float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-12))
