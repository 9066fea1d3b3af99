"""From one tile's grid to the whole sheet: every crossing is where it is printed, and no box is counted twice."""

import numpy as np
import pytest

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.grow import grow_mesh, seed_in
from ecgpipe.rectify.seed import Seed

SHAPE = (700, 900)
# px of a point in mm: a sheet seen from the side, a little turned
VIEW = np.array([[4.2, 0.35, 60.0], [-0.25, 4.0, 80.0], [0.0006, 0.0004, 1.0]])
SIDE_BOXES = 30


def to_px(mm: np.ndarray) -> np.ndarray:
    """Picture positions (..., 2) of points (..., 2) on the sheet."""
    x, y, depth = np.moveaxis(np.concatenate([mm, np.ones_like(mm[..., :1])], axis=-1) @ VIEW.T, -1, 0)
    return np.stack([x / depth, y / depth], axis=-1)


def pictured(hidden: slice = slice(0, 0)) -> np.ndarray:
    """The contrast (H, W) of a sheet of SIDE_BOXES by SIDE_BOXES boxes in noise, `hidden` columns of pixels blank."""
    rows, cols = np.indices(SHAPE)
    px = np.stack([cols, rows, np.ones(SHAPE)], axis=-1).astype(float)
    x, y, depth = np.moveaxis(px @ np.linalg.inv(VIEW).T, -1, 0)
    mm = np.stack([x / depth, y / depth], axis=-1)
    near = np.abs((mm + BOX_MM / 2) % BOX_MM - BOX_MM / 2)  # of the next line
    lines = np.exp(-0.5 * (near / 0.2) ** 2).max(axis=-1)
    on_sheet = ((mm > -0.5) & (mm < SIDE_BOXES * BOX_MM + 0.5)).all(axis=-1)
    dark = 0.5 * lines * on_sheet + np.random.default_rng(0).normal(0, 0.03, SHAPE)
    dark[:, hidden] = 0
    return dark.astype(np.float32)


def seed_at(box: tuple[int, int]) -> Seed:
    """The seed that a tile about a crossing gives: its boxes, all alike."""
    mm = np.array(box) * BOX_MM
    here, right, down = (to_px(mm + np.array(step)) for step in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    return Seed(here + 1.5, np.stack([right - here, down - here], axis=1), 1.0)


def crossings(dark: np.ndarray, box: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The crossings seen (n, 2), as boxes counted from the seed's, and where each lies in the picture (n, 2)."""
    mesh, residuals = grow_mesh(dark, seed_at(box))
    held = residuals.weight.min(axis=-1) > 0
    far = np.linalg.norm(mesh.nodes - to_px(np.array(box) * BOX_MM), axis=-1)
    row, col = np.unravel_index(far.argmin(), far.shape)
    boxes = np.rint((mesh.points_mm - mesh.points_mm[row, col]) / BOX_MM).astype(int) + box
    return boxes[held], mesh.at(residuals.offset_mm)[held]


@pytest.mark.parametrize("box", [(15, 15), (6, 8), (24, 5)])
@pytest.mark.parametrize("hidden", [slice(0, 0), slice(400, 440)], ids=["whole", "two boxes hidden"])
def test_every_crossing_is_counted_from_the_seed_and_lies_where_it_is_printed(hidden, box):
    boxes, found = crossings(pictured(hidden), box)
    on_sheet = ((boxes >= 0) & (boxes <= SIDE_BOXES)).all(axis=-1)  # some are held in the noise beyond
    assert on_sheet.sum() == (SIDE_BOXES + 1) ** 2, "what lies in the gap is seen from both sides"
    assert np.linalg.norm(found - to_px(boxes * BOX_MM), axis=-1)[on_sheet].max() < 1.2  # 0.97 px; a box has 16 to 21


def test_a_mesh_gives_a_seed_in_its_clearest_part_from_which_the_same_one_grows():
    dark = pictured(slice(400, 900))
    mesh, residuals = grow_mesh(dark, seed_at((6, 8)))
    seed = seed_in(mesh, residuals)
    assert seed.centre_px[0] < 380 and seed.score > 0.9, "all about it is seen"
    again, of_again = grow_mesh(dark, seed)
    one, other = (
        each.at(left.offset_mm)[left.weight.min(axis=-1) > 0] for each, left in ((mesh, residuals), (again, of_again))
    )
    nearest = np.linalg.norm(one[:, None] - other[None], axis=-1).min(axis=1)
    assert np.mean(nearest < 1.6) > 0.95  # a tenth of a box


def test_noise_grows_no_sheet():
    noise = np.random.default_rng(1).normal(0.1, 0.05, SHAPE).astype(np.float32)
    boxes, _ = crossings(noise, (15, 15))
    assert len(boxes) < 30
