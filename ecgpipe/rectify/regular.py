"""Renders, whose grid is regular to a pixel: one lattice is then truer than a mesh that follows their rounded lines,
unless traces are rounded with them.

Where leads stand each on a grid of its own, lines do not even go on from one piece of the grid to the next, and a mesh
that counts boxes across the gaps is pulled to lines that are not the next ones. The scale is the same everywhere.
"""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.grow import SEARCH, SEEN_WEIGHT
from ecgpipe.rectify.line_phase import measure_lines
from ecgpipe.rectify.mesh import GridMesh, Residuals

# None of these was swept. Lengths are mm.
RIGID = 0.03  # of a box, the median deviation of steps from one crossing to the next in a picture that no paper bends
LINKED_MM = 0.12  # by which the lines of two neighbouring crossings differ at most in one piece
LEAST_ACROSS = 3  # crossings of a piece each way: fewer do not show that its scale is the one of all
LEAST_PIECES = 0.85  # share of the crossings seen that lie in pieces
MOST_OFF_PX = 0.35  # of the picture, root mean square of lines about their places: rounding to whole ones is 0.29
# What is left of that in means over BLUR crossings: scans, which are bent a little, and renders that are drawn unevenly
# have 0.18 px and more.
BLUR, MOST_BENT_PX = 7, 0.175
# By which a mesh leaves the lattice, from its 1st to its 99th percentile, if boxes were miscounted on it: 0.44 and more
# where leads stand on grids of their own, 0.30 at most elsewhere. The lattice is then the better one in any case.
MISCOUNTED_BOXES = 0.35
LEAST_SEEN = 0.25  # share of the picture's crossings that lie in pieces
MOST_ROUNDS, SETTLED = 25, 2e-5  # share of the step by which it changes from one round to the next at last


def regular_lattice(
    mesh: GridMesh, residuals: Residuals, dark: np.ndarray, zoom: float
) -> tuple[GridMesh, Residuals] | None:
    """The regular lattice over all of the contrast picture `dark` that has the scale of all its pieces of grid, on the
    lines of the largest, and how far each piece's lines lie from the piece's mean; None unless the picture is a render.

    `mesh` and `residuals` are what was found of its grid. A pixel of `dark` is `zoom` of the picture's.
    """
    held = residuals.weight.min(axis=-1) > 0
    at_px = mesh.at(residuals.offset_mm)
    steps = [np.diff(at_px, axis=axis)[_both(held, axis)] for axis in (1, 0)]
    if min(map(len, steps)) < LEAST_ACROSS**2:
        return None
    per_box = np.stack([np.median(step, axis=0) for step in steps])
    off_px = [np.median(np.abs(step - usual).max(axis=-1)) for step, usual in zip(steps, per_box, strict=True)]
    if max(off_px) > RIGID * np.sqrt(abs(np.linalg.det(per_box))):
        return None
    place = at_px[held][0]
    for _ in range(MOST_ROUNDS):
        lattice = _lattice(per_box, place, dark.shape, mesh)
        found = measure_lines(lattice, dark, SEARCH)
        clear = found.weight.min(axis=-1) > SEEN_WEIGHT
        piece = _pieces(clear, found.offset_mm)
        if (piece > 0).mean() < LEAST_SEEN:
            return None
        before, (per_box, place) = per_box, _fitted(piece, lattice.at(found.offset_mm))
        if np.abs(per_box - before).max() < SETTLED * np.abs(per_box).max():
            break
    else:
        return None
    if (piece > 0).sum() < LEAST_PIECES * clear.sum():
        return None
    off_mm = np.zeros(found.offset_mm.shape)
    off_mm[piece > 0] = _centred(found.offset_mm[piece > 0], piece[piece > 0])
    px_per_mm = zoom * np.sqrt(abs(np.linalg.det(per_box))) / BOX_MM
    lines_px, sheet_px = (px_per_mm * _rms(field[piece > 0]) for field in (off_mm, _blurred(off_mm, piece > 0)))
    counted = np.argwhere(held)[:, ::-1] - mesh.nodes[held] @ np.linalg.inv(per_box)
    miscounted = np.ptp(np.quantile(counted, (0.01, 0.99), axis=0), axis=0).max() > MISCOUNTED_BOXES
    if lines_px > MOST_OFF_PX or (sheet_px > MOST_BENT_PX and not miscounted):
        return None
    return lattice, Residuals(off_mm, found.weight * (piece > 0)[..., None])


def _rms(values: np.ndarray) -> float:
    """Root mean square of `values` (n, 2), of the axis that has more of it."""
    return float(np.sqrt(np.square(values).mean(axis=0)).max())


def _blurred(field: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Means of what is `known` (rows, cols) of a `field` (rows, cols, 2) over BLUR crossings each way."""
    share = cv2.blur(known.astype(np.float64), (BLUR, BLUR), borderType=cv2.BORDER_CONSTANT)
    sums = cv2.blur(field * known[..., None], (BLUR, BLUR), borderType=cv2.BORDER_CONSTANT)
    return sums / np.maximum(share, 1e-9)[..., None]


def _both(held: np.ndarray, axis: int) -> np.ndarray:
    """Where a crossing and the next along `axis` are held."""
    return held[:, 1:] & held[:, :-1] if axis else held[1:] & held[:-1]


def _lattice(per_box: np.ndarray, place: np.ndarray, shape: tuple[int, ...], like: GridMesh) -> GridMesh:
    """Crossings `per_box` (2, 2) px apart, across and down, one of them at `place` px, over a picture of `shape`."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - place
    boxes = corners @ np.linalg.inv(per_box)
    first, last = np.floor(boxes.min(axis=0)).astype(int) - 1, np.ceil(boxes.max(axis=0)).astype(int) + 1
    counts = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True))), axis=-1)
    return replace(like, nodes=place + counts @ per_box, lines_per_box=5)


def _pieces(clear: np.ndarray, offset_mm: np.ndarray) -> np.ndarray:
    """The piece (rows, cols) of each crossing, from 1; 0 where it is not clear, or in a piece that is too narrow."""
    linked = np.zeros((2 * clear.shape[0] - 1, 2 * clear.shape[1] - 1), np.uint8)
    linked[::2, ::2] = clear
    for axis, links in ((1, linked[::2, 1::2]), (0, linked[1::2, ::2])):
        links[:] = _both(clear, axis) & (np.abs(np.diff(offset_mm, axis=axis)).max(axis=-1) < LINKED_MM)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(linked, connectivity=4)
    across = (np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) + 1) // 2
    piece = labels[::2, ::2]
    return np.where(across[piece] < LEAST_ACROSS, 0, piece)


def _fitted(piece: np.ndarray, at_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step (2, 2) px from crossing to crossing that all pieces have, and a crossing (2,) px of the largest one."""
    rows, cols = np.nonzero(piece)
    boxes, px, its = np.stack([cols, rows], axis=-1).astype(np.float64), at_px[rows, cols], piece[rows, cols]
    per_box, *_ = np.linalg.lstsq(_centred(boxes, its), _centred(px, its), rcond=None)
    largest = its == np.bincount(its).argmax()
    return per_box, (px - boxes @ per_box)[largest].mean(axis=0) + boxes[largest][0] @ per_box


def _centred(values: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """`values` (n, 2) less the mean of the piece that each belongs to."""
    count = np.maximum(np.bincount(piece), 1)
    means = np.stack([np.bincount(piece, values[:, k]) / count for k in (0, 1)], axis=-1)
    return values - means[piece]
