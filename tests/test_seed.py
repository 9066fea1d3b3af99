"""A grid is seen in one tile: how large its boxes are and which way they run; what is no grid is none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.seed import TILE_PX, find_seeds


def grid(box_px: float, degrees: float = 0.0, aspect: float = 1.0, noise: float = 0.1) -> np.ndarray:
    """The contrast (H, W) of a grid of boxes `box_px` wide and `aspect` times as high, turned, in noise."""
    y, x = np.mgrid[: 2 * TILE_PX, : 2 * TILE_PX].astype(float)
    angle = np.deg2rad(degrees)
    across, down = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    lines = [
        np.exp(-0.5 * (((at + side / 2) % side - side / 2) / 0.8) ** 2)
        for at, side in ((across, box_px), (down, aspect * box_px))
    ]
    return (np.maximum(*lines) + np.random.default_rng(0).normal(0, noise, x.shape)).astype(np.float32)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.floats(11.0, 42.0), st.floats(-40.0, 40.0))
def test_boxes_of_any_size_and_direction_are_measured(box_px, degrees):
    best, *_ = find_seeds(grid(box_px, degrees), 1)
    angle = np.deg2rad(degrees)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(best.mm_to_px * BOX_MM / box_px, turned, atol=0.03)


@pytest.mark.parametrize("aspect", [0.7, 1.4])
def test_boxes_of_a_sheet_seen_from_the_side_are_longer_one_way(aspect):
    best, *_ = find_seeds(grid(20.0, aspect=aspect), 1)
    np.testing.assert_allclose(best.mm_to_px * BOX_MM / 20.0, np.diag([1.0, aspect]), atol=0.03)


@pytest.mark.parametrize("aspect", [0.4, 2.5])
def test_lines_twice_as_far_apart_one_way_are_no_boxes(aspect):
    dark = grid(16.0 if aspect > 1 else 40.0, aspect=aspect)
    assert not any(abs(seed.mm_to_px[1, 1] / seed.mm_to_px[0, 0] - aspect) < 0.1 for seed in find_seeds(dark))


def test_blank_paper_has_no_seed():
    assert find_seeds(np.zeros((TILE_PX, TILE_PX), np.float32)) == []


def test_the_paper_is_taken_rather_than_a_clearer_pattern_of_one_tile_beside_it():
    dark = np.tile(grid(20.0, noise=0.05), (1, 2))
    pattern = grid(30.0, 25.0, noise=0.0)[:TILE_PX, :TILE_PX]
    dark[:TILE_PX, :TILE_PX] = 3 * pattern
    best, *_ = find_seeds(dark, 1)
    np.testing.assert_allclose(best.mm_to_px * BOX_MM, 20.0 * np.eye(2), atol=0.5)


def test_a_picture_smaller_than_a_tile_is_one_tile():
    small = cv2.resize(grid(40.0), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    (seed,) = find_seeds(small)
    np.testing.assert_allclose(seed.mm_to_px * BOX_MM, 12.0 * np.eye(2), atol=0.4)
    np.testing.assert_allclose(seed.centre_px, np.array(small.shape[::-1]) / 2)
