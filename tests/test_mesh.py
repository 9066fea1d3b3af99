"""The mesh over a sheet: points beside its nodes, other resolutions, and the sheet cut out box by box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from ecgpipe.rectify.mesh import GridMesh, cubic_weights, sample_linear

MATRIX = np.array([[7.0, 1.5], [-1.0, 8.0]])  # px a mm: a little askew
ORIGIN_MM, CORNER_PX = np.array([10.0, 20.0]), np.array([30.0, 40.0])


def to_px(mm: np.ndarray) -> np.ndarray:
    """Picture positions (..., 2) of points (..., 2) in mm on a flat sheet."""
    return CORNER_PX + (mm - ORIGIN_MM) @ MATRIX.T


def flat_mesh(rows: int = 6, cols: int = 9, step_mm: float = 5.0) -> GridMesh:
    bare = GridMesh(np.zeros((rows, cols, 2)), step_mm, ORIGIN_MM)
    return bare.moved(to_px(bare.points_mm))


@settings(max_examples=40, deadline=None)
@given(st.floats(-20, 20), st.floats(-20, 20), st.sampled_from([1.0, 5.0]))
def test_points_beside_the_nodes_lie_where_a_flat_sheet_has_them_even_past_its_border(right_mm, down_mm, step_mm):
    mesh = flat_mesh(step_mm=step_mm)
    offset_mm = np.broadcast_to([right_mm, down_mm], mesh.nodes.shape)
    np.testing.assert_allclose(mesh.at(offset_mm), to_px(mesh.points_mm + offset_mm), atol=2e-4)  # float32


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_between_four_values_each_counts_by_its_nearness(col, row):
    field = np.array([[[0.0], [1.0]], [[2.0], [7.0]]])
    expected = col * (1 - row) + 2 * (1 - col) * row + 7 * col * row
    assert sample_linear(field, np.array(col), np.array(row)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scale", [0.5, 2.0, (0.5, 0.25)])
def test_pixels_cover_the_same_paper_at_another_resolution(scale):
    mesh = flat_mesh()
    corner = mesh.moved(np.full_like(mesh.nodes, -0.5)).scaled(np.asarray(scale))
    assert (corner.nodes == -0.5).all(), "the picture's corner stays where it is"
    there_and_back = mesh.scaled(np.asarray(scale)).scaled(1 / np.asarray(scale))
    np.testing.assert_allclose(there_and_back.nodes, mesh.nodes, atol=1e-12)


def test_each_node_is_the_middle_of_its_cell_and_beyond_the_picture_is_nothing():
    mesh = GridMesh(np.stack(np.meshgrid(np.arange(6) * 10.0, np.arange(4) * 10.0), axis=-1), 5.0, np.zeros(2))
    picture = np.zeros((31, 41), np.float32)  # the last column of nodes lies outside
    picture[::10, ::10] = 1.0
    canvas = mesh.canvas(picture, px_per_mm=3.0)  # cells of 15 px: their middles are pixels
    assert canvas.shape == (4 * 15, 6 * 15)
    assert (np.abs(canvas[7::15, 7::15] - (np.arange(6) < 5)) < 0.01).all()


def test_cubic_weights_are_those_of_the_natural_spline_and_go_on_straight_beyond_the_ends():
    values, at = np.random.default_rng(0).normal(size=12), np.linspace(-2, 13, 151)
    read = cubic_weights(12, at) @ values
    inside = (at >= 0) & (at <= 11)
    assert read[inside] == pytest.approx(CubicSpline(np.arange(12), values, bc_type="natural")(at[inside]))
    for beyond in (at < 0, at > 11):
        assert np.diff(read[beyond], 2) == pytest.approx(0, abs=1e-9)
