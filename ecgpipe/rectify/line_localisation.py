"""Where each 5 mm line runs, piece by piece: the last and closest look at a page whose lines are known to 0.3 mm.

A wave as steep as a QRS complex covers the lines just where a map's error along x costs most. Only what lies on a line
itself is in its way here, not what lies a millimetre beside it, and of a piece that is covered in part the rest counts.
"""

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.mesh import Lattice, Misfit
from ecgpipe.rectify.snapping import Pattern

PIECES = 4  # of each line in a box
SAMPLES = 8  # along each piece
ACROSS_MM = np.linspace(-0.7, 0.7, 19)  # less than a millimetre: the fine grid's lines stay outside
SEEN = 0.3  # share of a place's samples that must be seen, and
MOST_COVERED = 0.5  # of a piece's places may be covered
PALEST, DARKEST = 0.35, 2.5  # of the page's usual line
REACH_MM = 0.35
FLOOR_MM = 0.006  # no piece is better than that
ALONG_MM = 1.6  # standard deviation of the window in which pieces are averaged
LEAST_WHOLE = 50  # pieces with nothing on them, to learn from what a line looks like
LEAST_WEIGHT = 0.02


def measure_strokes(lattice: Lattice, dark: np.ndarray, pattern: Pattern) -> Misfit:
    """How far the lines about every node of a page are off the places that `pattern` gives them, and how surely.

    `dark` (H, W) is the contrast picture that `lattice` lies in, NaN where something covers the paper. The weight of a
    line seen as well as most is 1. Lucas and Kanade's method against the page's own mean line: exact for small offsets,
    of 0.05 mm a tenth is overshot.
    """
    turned = lattice.nodes.transpose(1, 0, 2)
    sides = ((lattice.nodes, pattern.across_mm), (turned, pattern.down_mm))
    across, down = both(lambda axis: _at_nodes(*_offsets(_profiles(dark, *sides[axis]))))
    shift, weight = (np.stack([a, b.T], axis=-1) for a, b in zip(across, down, strict=True))
    return Misfit(shift, weight)


def _profiles(dark: np.ndarray, nodes: np.ndarray, printed_mm: np.ndarray) -> np.ndarray:
    """Contrast (pieces, lines, places) across the columns of `nodes`, each where it was printed; NaN if not seen."""
    rows, cols = nodes.shape[:2]
    at = np.arange(cols)[:, None] + (printed_mm[:, None] + ACROSS_MM) / BOX_MM
    between, along = _linear(at.ravel(), cols), _linear(_centres(rows * PIECES * SAMPLES, rows), rows)
    x, y = ((along @ nodes[..., k] @ between.T).astype(np.float32) for k in (0, 1))
    seen = cv2.remap(dark, x, y, cv2.INTER_LINEAR, borderValue=float("nan")).reshape(-1, SAMPLES, *at.shape)
    known = ~np.isnan(seen)
    share = known.mean(axis=1)
    mean = np.where(known, seen, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(share > SEEN, mean, np.nan)


def _offsets(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset in mm and its precision in 1/mm², each (pieces, lines), of `profiles` against their own mean line.

    Each is taken for the sum of paper, a slope, the mean line and its derivative; 0 where no line is seen.
    """
    known = ~np.isnan(profiles)
    profiles = np.where(known, profiles, 0.0)
    whole = known.all(axis=-1)
    nothing = np.zeros(whole.shape), np.zeros(whole.shape)
    if whole.sum() < LEAST_WHOLE:
        return nothing
    bare = profiles[whole]
    line = np.median(bare - np.median(bare[:, [0, -1]], axis=1, keepdims=True), axis=0)
    line = (line + line[::-1]) / 2
    derivative = np.gradient(line, ACROSS_MM)
    if line.argmax() in (0, len(line) - 1) or not derivative.any():
        return nothing
    basis = np.stack([np.ones_like(line), ACROSS_MM / ACROSS_MM[-1], line - line[0], derivative])

    inverse = np.linalg.inv(basis @ basis.T)
    fitted = profiles @ (basis.T @ inverse)
    variance = np.full(whole.shape, inverse[-1, -1])
    part = ~whole & (known.mean(axis=-1) > MOST_COVERED)
    products = (basis[:, None] * basis[None]).reshape(-1, len(line))
    normal = (known[part] @ products.T).reshape(-1, len(basis), len(basis))
    inverse = np.linalg.inv(normal + 1e-6 * (derivative @ derivative) * np.eye(len(basis)))
    fitted[part] = np.einsum("nij,nj->ni", inverse, profiles[part] @ basis.T)
    variance[part] = inverse[:, -1, -1]

    noise = np.where(known, profiles - fitted @ basis, 0.0)
    noise = np.square(noise).sum(axis=-1) / np.maximum(known.sum(axis=-1) - len(basis), 1)
    strength = fitted[..., 2]
    offset = -fitted[..., 3] / np.where(strength > PALEST, strength, 1.0)
    seen = (whole | part) & (strength > PALEST) & (strength < DARKEST) & (np.abs(offset) < REACH_MM)
    variance *= np.maximum(noise, np.median(noise[whole])) / np.where(seen, strength, 1.0) ** 2
    return np.where(seen, offset, 0.0), np.where(seen, 1.0 / (variance + FLOOR_MM**2), 0.0)


def _at_nodes(offset: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean offset in mm and weight, each (rows, cols), about the nodes of lines measured in (pieces, lines)."""
    pieces, rows = len(offset), len(offset) // PIECES
    away_mm = (_centres(pieces, rows) - np.arange(rows)[:, None]) * BOX_MM
    window = np.exp(-0.5 * (away_mm / ALONG_MM) ** 2)
    total = window @ precision
    mean = window @ (precision * offset) / np.maximum(total, 1e-9)
    usual = np.median(total[total > 1.0]) if (total > 1.0).any() else np.inf
    weight = np.minimum(2 * total / usual, 1.0)
    return mean, np.where(weight > LEAST_WEIGHT, weight, 0.0)


def _linear(at: np.ndarray, count: int) -> np.ndarray:
    """Matrix (n, count) that takes values at 0, 1, ... to the places `at` (n,) between and beyond them."""
    left = np.clip(np.floor(at).astype(int), 0, count - 2)
    matrix = np.zeros((len(at), count))
    matrix[np.arange(len(at)), left] = left + 1 - at
    matrix[np.arange(len(at)), left + 1] = at - left
    return matrix


def _centres(pieces: int, rows: int) -> np.ndarray:
    """Where on `rows` boxes about nodes 0, 1, ... the centres of so many equal pieces lie."""
    return (np.arange(pieces) + 0.5) * rows / pieces - 0.5
