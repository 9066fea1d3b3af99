"""From one tile's grid to a lattice over the whole sheet, its boxes counted from the seed, a few rings at a time."""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.mesh import Lattice, Misfit, measure
from ecgpipe.rectify.seed import Seed

LARGE_BOX_PX = 24.0  # a box of so many pixels can be followed at half as many
CANVAS_PX_PER_MM = 1.6  # three harmonics of a box need no more
REACH_BOXES = 72  # no point of the page is farther from a seed than its diagonal of 71 boxes
CLEAR = 0.15  # weight from which a line counts as seen
WINDOW_MM = 5.0
HARMONICS = 3
FIRST_BOXES = 3  # about the seed, where its tile's mean box is good enough
RINGS = 3  # of boxes that a round may add
MOST_OFF_MM = 1.0  # from where it is expected: a fifth of a box is no slip
MOST_ROUNDS = 40
PLANE_BOXES = 3.0  # standard deviation of the window in which the sheet is taken for a plane
TOWARDS_SHEET = 1e-4
NEIGHBOURS = np.ones((3, 3), np.uint8)


def grow_lattice(dark: np.ndarray, seed: Seed) -> tuple[Lattice, Misfit]:
    """Lattice with a node on each crossing of 5 mm lines, over all of the contrast picture `dark`, and its misfit.

    Each round foretells the next rings of crossings from those held, looks where the lines are, and holds what it
    finds near enough to be no other line. Up to three boxes that show no lines may lie between: what was found beyond
    them may be the next line's (cycle_slips.py).
    """
    if np.sqrt(abs(np.linalg.det(seed.mm_to_px))) * BOX_MM < LARGE_BOX_PX:
        return _grow(dark, seed)
    half = cv2.resize(dark, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    lattice, misfit = _grow(half, replace(seed, centre_px=seed.centre_px / 2 - 0.25, mm_to_px=seed.mm_to_px / 2))
    return lattice.moved(2 * lattice.nodes + 0.5), misfit


def _grow(dark: np.ndarray, seed: Seed) -> tuple[Lattice, Misfit]:
    """The same in the pixels given."""
    lattice, first = _affine_lattice(seed, dark.shape)
    held = np.zeros(lattice.nodes.shape[:2], np.uint8)
    held[first[1], first[0]] = 1
    held = cv2.dilate(held, NEIGHBOURS, iterations=FIRST_BOXES)
    start = _look(lattice, dark, held)
    lattice = lattice.moved(lattice.at(np.broadcast_to(start.shift_mm[first[1], first[0]], start.shift_mm.shape)))
    count = 0
    for _ in range(MOST_ROUNDS):
        misfit = _look(lattice, dark, held)
        held = _held(misfit)
        before, count = count, int(held.sum())
        misfit = Misfit(misfit.shift_mm, misfit.weight * held[..., None])
        if count < max(1.003 * before, (2 * FIRST_BOXES) ** 2 // 2):
            break
        lattice = _fit(lattice, misfit)
    return lattice, misfit


def _affine_lattice(seed: Seed, shape: tuple[int, int]) -> tuple[Lattice, np.ndarray]:
    """The seed's boxes over the whole picture, and the column and row of the node at the seed."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - seed.centre_px
    reach = corners @ np.linalg.inv(seed.mm_to_px).T / BOX_MM
    low = np.maximum(np.floor(reach.min(axis=0)), -REACH_BOXES).astype(int)
    counts = (np.minimum(np.ceil(reach.max(axis=0)), REACH_BOXES) - low).astype(int) + 1
    boxes = np.stack(np.meshgrid(*(np.arange(n) for n in counts)), axis=-1) + low
    return Lattice(seed.centre_px + boxes * BOX_MM @ seed.mm_to_px.T, BOX_MM, np.zeros(2)), -low


def _look(lattice: Lattice, dark: np.ndarray, held: np.ndarray) -> Misfit:
    """The misfit where the next rings may come to lie, with no weight elsewhere nor off the picture."""
    near = cv2.dilate(held, NEIGHBOURS, iterations=RINGS)
    rows, cols = (np.nonzero(near.any(axis=axis))[0] for axis in (1, 0))
    margin = round(2 * WINDOW_MM / BOX_MM)
    top, left = (max(index[0] - margin, 0) for index in (rows, cols))
    part = np.s_[top : rows[-1] + margin + 1, left : cols[-1] + margin + 1]
    x, y = np.moveaxis(lattice.nodes[part], -1, 0)
    inside = (x > 0) & (x < dark.shape[1] - 1) & (y > 0) & (y < dark.shape[0] - 1)
    inside = cv2.erode((inside & (near[part] > 0)).astype(np.uint8), NEIGHBOURS, borderValue=1)
    how = {"harmonics": HARMONICS, "reach_mm": BOX_MM / 2, "px_per_mm": CANVAS_PX_PER_MM}
    found = measure(lattice.moved(lattice.nodes[part]), dark, WINDOW_MM, **how)
    shift, weight = np.zeros((2, *lattice.nodes.shape))
    shift[part], weight[part] = found.shift_mm, found.weight * inside[..., None]
    return Misfit(shift, weight)


def _held(misfit: Misfit) -> np.ndarray:
    """Nodes whose lines were clearly seen near the expected place."""
    clear = (misfit.weight.min(axis=-1) > CLEAR) & (np.abs(misfit.shift_mm).max(axis=-1) < MOST_OFF_MM)
    return clear.astype(np.uint8)


def _fit(lattice: Lattice, misfit: Misfit) -> Lattice:
    """Move every node onto the lines seen near it: a homography for the sheet, local planes for what it leaves."""
    weight = misfit.weight.min(axis=-1)
    clear = weight > 0
    target, points = lattice.at(misfit.shift_mm), lattice.points_mm
    px_per_mm = np.median(np.linalg.norm(np.diff(lattice.nodes, axis=1), axis=-1)[clear[:, 1:]]) / BOX_MM
    matrix, _ = cv2.findHomography(points[clear], target[clear], cv2.RANSAC, 1.5 * px_per_mm)
    if matrix is None:
        return lattice
    sheet = cv2.perspectiveTransform(points.reshape(-1, 1, 2), matrix).reshape(points.shape)
    return lattice.moved(sheet + _local_planes(target - sheet, weight))


def _local_planes(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`values` (rows, cols, 2) as the planes that fit best about each node through a Gaussian window.

    Beyond what has weight the planes go on, so the sheet grows round a fold in the direction that it has there.
    """
    rows, cols = np.indices(weight.shape, dtype=np.float64)
    x, y = cols - cols.mean(), rows - rows.mean()

    def windowed(field: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(field * weight, (0, 0), PLANE_BOXES)

    one, sx, sy = windowed(np.ones_like(x)), windowed(x), windowed(y)
    dx, dy = sx - x * one, sy - y * one
    dxx = windowed(x * x) - 2 * x * sx + x * x * one
    dyy = windowed(y * y) - 2 * y * sy + y * y * one
    dxy = windowed(x * y) - x * sy - y * sx + x * y * one
    one = one + TOWARDS_SHEET
    dxx, dyy = dxx + TOWARDS_SHEET * PLANE_BOXES**2, dyy + TOWARDS_SHEET * PLANE_BOXES**2
    # Cramer's rule: of a plane about its own node only the level is asked for.
    minors = dxx * dyy - dxy**2, dy * dxy - dx * dyy, dx * dxy - dy * dxx
    determinant = one * minors[0] + dx * minors[1] + dy * minors[2]
    levels = []
    for k in (0, 1):
        v = values[..., k]
        sv = windowed(v)
        right = sv, windowed(v * x) - x * sv, windowed(v * y) - y * sv
        levels.append(sum(minor * side for minor, side in zip(minors, right, strict=True)) / determinant)
    return np.stack(levels, -1)
