"""Region growing: from one tile's grid to a mesh over the whole sheet, its boxes counted from the seed ring by ring."""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.line_phase import LineSearch, measure_lines
from ecgpipe.rectify.mesh import GridMesh, Residuals
from ecgpipe.rectify.seed import Seed, upright

# Rows of docs/log.md named here are those of "Rectification that grows", unless said otherwise.
LARGE_BOX_PX = 24.0  # a box of so many px is followed at half as many: same errors, a sixth less time (log, "Faster")
SEARCH = LineSearch(
    window_mm=5.0,  # one box; not swept
    harmonics=3,  # with one, QRS complexes pull the lines (log)
    reach_mm=BOX_MM / 2,  # the nearest line, wherever it is
    px_per_mm=1.6,  # three harmonics of a box need no more (log, "Faster")
)
REACH_BOXES = 72  # no point of the kit's page is farther from a seed than its diagonal of 71 boxes
SEEN_WEIGHT = 0.15  # from which a line counts as seen; not swept
FIRST_BOXES = 3  # about the seed, where its tile's mean box is good enough; not swept
GROWTH = 1.003  # a round after which there are not this many times as many crossings is the last; not swept
RINGS = 3  # of boxes that a round may add; with 2 more boxes are skipped (log)
MOST_OFF_MM = 1.0  # of a line from where it is expected, a fifth of a box; 0.9 and 1.25 tried (log)
MOST_ROUNDS = 80  # far more than the reach over RINGS, for gaps that fill late
INLIER_MM = 1.5  # of a crossing from the homography of the whole sheet (RANSAC); not swept
PLANE_BOXES = 3.0  # standard deviation of the window in which the sheet is locally a plane; 2 and 2.5 skip more (log)
TOWARDS_SHEET = 1e-4  # pull of the local planes to the homography; with 0.02 growth stops at a fold (log)
NEIGHBOURS = np.ones((3, 3), np.uint8)


def grow_mesh(dark: np.ndarray, seed: Seed, reach_boxes: int = REACH_BOXES) -> tuple[GridMesh, Residuals]:
    """Mesh with a node on each crossing of heavy lines, over all of the contrast picture `dark` that is no farther from
    the seed than `reach_boxes`, and its residuals.

    Each round predicts the next rings of crossings from those already held, measures the lines there, and holds the
    crossings found so near to their prediction that they can be no other line's. A round may bridge up to three boxes
    that show no lines; beyond such a gap the count may be off by a box (`cycle_slips`).
    """
    if np.sqrt(abs(np.linalg.det(seed.mm_to_px))) * BOX_MM < LARGE_BOX_PX * seed.lines_per_box:
        return _grow(dark, seed, reach_boxes)
    half = cv2.resize(dark, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    halved = replace(seed, centre_px=seed.centre_px / 2 - 0.25, mm_to_px=seed.mm_to_px / 2)
    mesh, residuals = _grow(half, halved, reach_boxes)
    return mesh.moved(2 * mesh.nodes + 0.5), residuals


def seed_in(mesh: GridMesh, residuals: Residuals) -> Seed:
    """The part of a mesh of 3 x 3 nodes or more whose lines are seen best, to grow another one from: upright in the
    picture, however the mesh lies. Its score is the weight there."""
    seen = residuals.weight.min(axis=-1)[1:-1, 1:-1]
    around = cv2.blur(seen, (2 * FIRST_BOXES + 1,) * 2, borderType=cv2.BORDER_CONSTANT)
    row, col = np.unravel_index(around.argmax(), around.shape)
    near = mesh.nodes[row : row + 3, col : col + 3]
    across, down = (near[1, 2] - near[1, 0]) / 2, (near[2, 1] - near[0, 1]) / 2
    mm_to_px = upright([across, down]).T / mesh.step_mm
    return Seed(near[1, 1], mm_to_px, float(around[row, col]), mesh.lines_per_box)


def _grow(dark: np.ndarray, seed: Seed, reach_boxes: int) -> tuple[GridMesh, Residuals]:
    """`grow_mesh` at the resolution given."""
    mesh, first = _affine_mesh(seed, dark.shape, reach_boxes)
    at_seed = np.zeros(mesh.nodes.shape[:2], np.uint8)
    at_seed[first[1], first[0]] = 1
    held: np.ndarray = cv2.dilate(at_seed, NEIGHBOURS, iterations=FIRST_BOXES)
    start = _measure_near(mesh, dark, held)
    mesh = mesh.moved(mesh.at(np.broadcast_to(start.offset_mm[first[1], first[0]], start.offset_mm.shape)))
    count = 0
    for _ in range(MOST_ROUNDS):
        residuals = _measure_near(mesh, dark, held)
        held = _held(residuals, MOST_OFF_MM / mesh.lines_per_box)
        before, count = count, int(held.sum())
        residuals = Residuals(residuals.offset_mm, residuals.weight * held[..., None])
        if count < max(GROWTH * before, (2 * FIRST_BOXES) ** 2 // 2):
            break
        mesh = _fit(mesh, residuals)
    return mesh, residuals


def _affine_mesh(seed: Seed, shape: tuple[int, int], reach_boxes: int) -> tuple[GridMesh, np.ndarray]:
    """The seed's boxes over the whole picture, and the column and row of the node at the seed."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - seed.centre_px
    reach = corners @ np.linalg.inv(seed.mm_to_px).T / BOX_MM
    low = np.maximum(np.floor(reach.min(axis=0)), -reach_boxes).astype(int)
    counts = (np.minimum(np.ceil(reach.max(axis=0)), reach_boxes) - low).astype(int) + 1
    boxes = np.stack(np.meshgrid(*(np.arange(n) for n in counts)), axis=-1) + low
    nodes = seed.centre_px + boxes * BOX_MM @ seed.mm_to_px.T
    return GridMesh(nodes, BOX_MM, np.zeros(2), seed.lines_per_box), -low


def _measure_near(mesh: GridMesh, dark: np.ndarray, held: np.ndarray) -> Residuals:
    """The residuals of held nodes and of the next RINGS about them; no weight elsewhere, nor outside the picture."""
    near = cv2.dilate(held, NEIGHBOURS, iterations=RINGS)
    rows, cols = (np.nonzero(near.any(axis=axis))[0] for axis in (1, 0))
    margin = round(2 * SEARCH.window_mm / BOX_MM)
    top, left = (max(index[0] - margin, 0) for index in (rows, cols))
    part = np.s_[top : rows[-1] + margin + 1, left : cols[-1] + margin + 1]
    x, y = np.moveaxis(mesh.nodes[part], -1, 0)
    pictured = (x > 0) & (x < dark.shape[1] - 1) & (y > 0) & (y < dark.shape[0] - 1)
    inside = cv2.erode((pictured & (near[part] > 0)).astype(np.uint8), NEIGHBOURS, borderValue=1)
    found = measure_lines(mesh.moved(mesh.nodes[part]), dark, SEARCH)
    offset, weight = np.zeros((2, *mesh.nodes.shape))
    offset[part], weight[part] = found.offset_mm, found.weight * inside[..., None]
    return Residuals(offset, weight)


def _held(residuals: Residuals, most_off_mm: float) -> np.ndarray:
    """Which nodes (rows, cols) had both lines clearly seen near the expected place."""
    clear = (residuals.weight.min(axis=-1) > SEEN_WEIGHT) & (np.abs(residuals.offset_mm).max(axis=-1) < most_off_mm)
    return clear.astype(np.uint8)


def _fit(mesh: GridMesh, residuals: Residuals) -> GridMesh:
    """The mesh on the lines seen: a homography for the whole sheet, local planes for the residual it leaves."""
    weight = residuals.weight.min(axis=-1)
    clear = weight > 0
    target, points = mesh.at(residuals.offset_mm), mesh.points_mm
    px_per_mm = np.median(np.linalg.norm(np.diff(mesh.nodes, axis=1), axis=-1)[clear[:, 1:]]) / BOX_MM
    matrix, _ = cv2.findHomography(points[clear], target[clear], cv2.RANSAC, INLIER_MM * px_per_mm)
    if matrix is None:
        return mesh
    sheet = cv2.perspectiveTransform(points.reshape(-1, 1, 2), matrix).reshape(points.shape)
    return mesh.moved(sheet + _local_planes(target - sheet, weight))


def _local_planes(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted local linear regression: `values` (rows, cols, 2) by the plane that fits best about each node.

    Planes extrapolate to nodes without weight, so the mesh goes on past a fold in the direction the sheet has there.
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
