"""Sub-pixel line localisation: where each heavy line runs, piece by piece, on a page whose lines are known to 0.3 mm.

A wave as steep as a QRS complex covers the lines just where an error of the map along x costs most. Here a piece of a
line is only disturbed by what lies on the line itself, not a millimetre beside it; and what is left visible of a piece
counts.
"""

import cv2
import numpy as np

from ecgpipe.base.parallel import both
from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.mesh import GridMesh, Residuals
from ecgpipe.rectify.snapping import Snapping

# "Log" is the section "Strokes" of docs/log.md, unless said otherwise.
PIECES = 4  # of each line in a box: 1.25 mm, short enough to follow a fold (log, "Folds")
SAMPLES = 8  # along each piece; not swept
ACROSS_MM = np.linspace(-0.7, 0.7, 19)  # places across a line: nearer than the lines of the 1 mm grid
LEAST_SEEN = 0.3  # share of the samples along a piece that a place across it needs; not swept
LEAST_PLACES = 0.5  # share of the places across it that a piece needs; not swept
PALEST, DARKEST = 0.35, 2.5  # contrast of a line over the mean line's; paler is a 1 mm line; not swept
REACH_MM = 0.35  # half the profile: further off nothing is known of a line; not swept
FLOOR_MM = 0.006  # least standard error of a piece: the median error measured on simulated pages (log)
WINDOW_MM = 1.6  # standard deviation along the line of the average at a node; 0.8 to 2.2 differ by 0.1 dB (log)
LEAST_WHOLE = 50  # fully visible pieces, to take the mean line from; not swept
CLEAR_SHARE = 0.5  # of the usual precision, from which a weight is 1; not swept
LEAST_WEIGHT = 0.02  # below which a line counts as not seen; not swept


def localise_lines(mesh: GridMesh, dark: np.ndarray, snapping: Snapping) -> Residuals:
    """How far the lines about every node of a page lie off the places that `snapping` gives them, and how certainly.

    `dark` (H, W) is the contrast picture that `mesh` lies in, NaN where something covers the paper. Lines seen as
    clearly as most have weight 1. The method is Lucas and Kanade's (1981), with the page's own mean line as template:
    exact for small offsets, 10 % too large for 0.05 mm.
    """
    turned = mesh.nodes.transpose(1, 0, 2)
    sides = ((mesh.nodes, snapping.across_mm), (turned, snapping.down_mm))
    across, down = both(lambda axis: _at_nodes(*_offsets(_profiles(dark, *sides[axis]))))
    shift, weight = (np.stack([a, b.T], axis=-1) for a, b in zip(across, down, strict=True))
    return Residuals(shift, weight)


def _profiles(dark: np.ndarray, nodes: np.ndarray, printed_mm: np.ndarray) -> np.ndarray:
    """Contrast (pieces, lines, places) across the lines of the columns of `nodes`; NaN where not seen.

    `printed_mm` (cols,) is how far each line was printed off its regular place.
    """
    rows, cols = nodes.shape[:2]
    at = np.arange(cols)[:, None] + (printed_mm[:, None] + ACROSS_MM) / BOX_MM
    between, along = _linear(at.ravel(), cols), _linear(_centres(rows * PIECES * SAMPLES, rows), rows)
    x, y = ((along @ nodes[..., k] @ between.T).astype(np.float32) for k in (0, 1))
    seen = cv2.remap(dark, x, y, cv2.INTER_LINEAR, borderValue=float("nan")).reshape(-1, SAMPLES, *at.shape)
    known = ~np.isnan(seen)
    share = known.mean(axis=1)
    mean = np.where(known, seen, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(share > LEAST_SEEN, mean, np.nan)


def _offsets(profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset in mm and its precision in 1/mm², each (pieces, lines), of `profiles` against their own mean line.

    Least squares with four terms: a constant, a slope, the mean line and its derivative. Both are 0 where no line is
    seen.
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
    partly = ~whole & (known.mean(axis=-1) > LEAST_PLACES)
    products = (basis[:, None] * basis[None]).reshape(-1, len(line))
    normal = (known[partly] @ products.T).reshape(-1, len(basis), len(basis))
    inverse = np.linalg.inv(normal + 1e-6 * (derivative @ derivative) * np.eye(len(basis)))
    fitted[partly] = np.einsum("nij,nj->ni", inverse, profiles[partly] @ basis.T)
    variance[partly] = inverse[:, -1, -1]

    noise = np.where(known, profiles - fitted @ basis, 0.0)
    noise = np.square(noise).sum(axis=-1) / np.maximum(known.sum(axis=-1) - len(basis), 1)
    strength = fitted[..., 2]
    offset = -fitted[..., 3] / np.where(strength > PALEST, strength, 1.0)
    seen = (whole | partly) & (strength > PALEST) & (strength < DARKEST) & (np.abs(offset) < REACH_MM)
    variance *= np.maximum(noise, np.median(noise[whole])) / np.where(seen, strength, 1.0) ** 2
    return np.where(seen, offset, 0.0), np.where(seen, 1.0 / (variance + FLOOR_MM**2), 0.0)


def _at_nodes(offset: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean offset in mm and weight, each (rows, lines), about the nodes; `offset`, `precision` are (pieces, lines)."""
    pieces, rows = len(offset), len(offset) // PIECES
    away_mm = (_centres(pieces, rows) - np.arange(rows)[:, None]) * BOX_MM
    window = np.exp(-0.5 * (away_mm / WINDOW_MM) ** 2)
    total = window @ precision
    mean = window @ (precision * offset) / np.maximum(total, 1e-9)
    usual = np.median(total[total > 1.0]) if (total > 1.0).any() else np.inf
    weight = np.minimum(total / (CLEAR_SHARE * usual), 1.0)
    return mean, np.where(weight > LEAST_WEIGHT, weight, 0.0)


def _linear(at: np.ndarray, count: int) -> np.ndarray:
    """Matrix (n, count) of linear inter- and extrapolation from values at 0, 1, ... to the places `at` (n,)."""
    left = np.clip(np.floor(at).astype(int), 0, count - 2)
    matrix = np.zeros((len(at), count))
    matrix[np.arange(len(at)), left] = left + 1 - at
    matrix[np.arange(len(at)), left + 1] = at - left
    return matrix


def _centres(pieces: int, rows: int) -> np.ndarray:
    """The centres of `pieces` equal pieces of `rows` boxes, in boxes; nodes, at 0, 1, ..., are the boxes' centres."""
    return (np.arange(pieces) + 0.5) * rows / pieces - 0.5
