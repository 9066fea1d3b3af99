"""What covers the grid's lines is masked, and the lines are left as they are."""

import numpy as np
import pytest

from ecgpipe.rectify.mesh import GridMesh
from ecgpipe.rectify.trace_mask import without_trace

BOX_PX, ROWS, COLS = 20, 12, 16
NODES = np.stack(np.meshgrid(np.arange(COLS), np.arange(ROWS)), axis=-1) * BOX_PX + BOX_PX / 2
MESH = GridMesh(NODES, 5.0, np.zeros(2))
SHAPE = ROWS * BOX_PX, COLS * BOX_PX
TRACE = np.zeros(SHAPE, bool)
TRACE[95:99, 20:300] = True  # across lines, not along one


def grid(level: float) -> np.ndarray:
    """The contrast (H, W) of lines 1 px wide that run through the nodes."""
    y, x = np.indices(SHAPE)
    return np.float32(level * ((x % BOX_PX == BOX_PX // 2) | (y % BOX_PX == BOX_PX // 2)))


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3])
def test_a_trace_darker_than_the_lines_is_masked_and_little_beside_it(level):
    ink = np.where(TRACE, np.float32(0.9), grid(level))
    known = without_trace(ink, ink, MESH)
    assert np.isnan(known[TRACE]).all()
    lost = np.isnan(known).sum()
    assert lost < 3 * TRACE.sum()
    np.testing.assert_array_equal(known[~np.isnan(known)], ink[~np.isnan(known)])


@pytest.mark.parametrize("level", [0.1, 0.3, 0.5])
def test_lines_alone_are_left_as_they_are(level):
    np.testing.assert_array_equal(without_trace(grid(level), grid(level), MESH), grid(level))


def test_where_much_looks_like_a_trace_nothing_is_masked():
    y, x = np.indices(SHAPE)
    stain = (y < 0.45 * SHAPE[0]) & (x < 0.45 * SHAPE[1])  # a fifth of the sheet, less than half of any line
    mould = np.where(stain, np.float32(0.9), grid(0.2))
    assert without_trace(mould, mould, MESH) is mould
    small = np.where(stain & (x < 0.2 * SHAPE[1]), np.float32(0.9), grid(0.2))
    assert np.isnan(without_trace(small, small, MESH)).any()
