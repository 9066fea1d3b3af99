"""From one tile's grid to a lattice over the whole sheet, its boxes counted from the seed."""

import cv2
import numpy as np

from ecgpipe.layout import BOX_MM
from ecgpipe.rectify.lattice import Lattice, Misfit, measure
from ecgpipe.rectify.seed import Seed
from ecgpipe.rectify.surface import unwrap

REACH_BOXES = 72  # no point of the page is farther from a seed than its diagonal of 71 boxes
CLEAR = 0.15  # weight from which a line counts as seen
MIN_NODES = 40
WINDOW_MM = 5.0
MOST_ROUNDS = 6
REACHES = (4.0, 3.0)  # boxes over which each round averages what the homography leaves
MARGIN_BOXES = 20  # kept round what was seen: room to grow into
NEIGHBOURS = np.ones((3, 3), np.uint8)


def grow_lattice(dark: np.ndarray, seed: Seed) -> tuple[Lattice, Misfit]:
    """Lattice with a node on each crossing of 5 mm lines, over all of the contrast picture `dark`, and its misfit.

    Each round unwraps what the last one left and fits the sheet anew, so it reaches farther than the seed's own tile.
    """
    lattice = _affine_lattice(seed, dark.shape)
    misfit, nodes_seen = _seen(lattice, dark), 0
    for reach in REACHES:
        for _ in range(MOST_ROUNDS):
            lattice = _crop(_fit(lattice, misfit, reach), misfit)
            misfit = _seen(lattice, dark)
            before, nodes_seen = nodes_seen, int((misfit.weight.min(axis=-1) > CLEAR).sum())
            if nodes_seen < 1.03 * before:
                break
    return lattice, misfit


def _affine_lattice(seed: Seed, shape: tuple[int, int]) -> Lattice:
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - seed.centre_px
    reach = corners @ np.linalg.inv(seed.mm_to_px).T / BOX_MM
    low = np.maximum(np.floor(reach.min(axis=0)), -REACH_BOXES)
    counts = (np.minimum(np.ceil(reach.max(axis=0)), REACH_BOXES) - low).astype(int) + 1
    boxes = np.stack(np.meshgrid(*(np.arange(n) for n in counts)), axis=-1) + low
    return Lattice(seed.centre_px + boxes * BOX_MM @ seed.mm_to_px.T, BOX_MM, np.zeros(2))


def _seen(lattice: Lattice, dark: np.ndarray) -> Misfit:
    """The misfit, its weight kept only on the picture and on the piece of grid that holds the most nodes."""
    misfit = measure(lattice, dark, WINDOW_MM)
    height, width = dark.shape
    x, y = lattice.nodes[..., 0], lattice.nodes[..., 1]
    inside = ((x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)).astype(np.uint8)
    inside = cv2.erode(inside, NEIGHBOURS, borderValue=0)
    clear = (misfit.weight.min(axis=-1) > CLEAR).astype(np.uint8) * inside
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clear, connectivity=4)
    if count == 1:
        return Misfit(misfit.shift_mm, np.zeros_like(misfit.weight))
    sheet = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    sheet = cv2.dilate(sheet, NEIGHBOURS) * inside
    return Misfit(misfit.shift_mm, misfit.weight * sheet[..., None])


def _crop(lattice: Lattice, misfit: Misfit) -> Lattice:
    """The lattice without what lies more than MARGIN_BOXES beyond the sheet: nothing to grow on, much to compute."""
    rows, cols = np.nonzero(misfit.weight.min(axis=-1) > CLEAR)
    if len(rows) < MIN_NODES:
        return lattice
    top, left = (max(index.min() - MARGIN_BOXES, 0) for index in (rows, cols))
    return lattice.moved(lattice.nodes[top : rows.max() + MARGIN_BOXES + 1, left : cols.max() + MARGIN_BOXES + 1])


def _fit(lattice: Lattice, misfit: Misfit, reach: float) -> Lattice:
    """Move every node onto the lines seen near it: a homography for the sheet, local means for what it leaves."""
    weight = misfit.weight.min(axis=-1)
    clear = weight > CLEAR
    if clear.sum() < MIN_NODES:
        return lattice
    shift = np.stack([unwrap(misfit.shift_mm[..., k], misfit.weight[..., k]) for k in (0, 1)], axis=-1)
    target = lattice.at(shift)
    points = lattice.points_mm
    px_per_mm = np.median(np.linalg.norm(np.diff(lattice.nodes, axis=1), axis=-1)[clear[:, 1:]]) / BOX_MM
    matrix, _ = cv2.findHomography(points[clear], target[clear], cv2.RANSAC, 1.5 * px_per_mm)
    if matrix is None:
        return lattice
    plane = cv2.perspectiveTransform(points.reshape(-1, 1, 2), matrix).reshape(points.shape)
    weight = weight * clear
    rest = cv2.GaussianBlur((target - plane) * weight[..., None], (0, 0), reach)
    return lattice.moved(plane + rest / (cv2.GaussianBlur(weight, (0, 0), reach) + 0.02)[..., None])
