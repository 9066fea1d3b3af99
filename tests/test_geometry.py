"""The page map and its inverse, the raster that all layouts share, and the one interpolation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.page.geometry import FrameSpec, PageMap, Raster, dense_map, lattice_mm, resample
from ecgpipe.page.layout import KIT
from ecgpipe.synth.compose import A4, A5, compose_layout
from tests.layouts import each_layout

SLOW_PAPER = compose_layout("6x1", (), speed=50.0, gain=5.0)
bends = st.floats(-3.0, 3.0)
angles = st.floats(-np.pi, np.pi)


def bent(angle: float, px_per_mm: float, bend_mm: float):
    """A turn, a scale and a smooth wave of `bend_mm`, from page mm to picture px."""

    def to_picture(mm: np.ndarray) -> np.ndarray:
        x, y = mm[..., 0], mm[..., 1]
        moved = np.stack([x + bend_mm * np.sin(y / 60), y + bend_mm * np.sin(x / 80)], axis=-1) * px_per_mm
        cosine, sine = np.cos(angle), np.sin(angle)
        return moved @ np.array([[cosine, sine], [-sine, cosine]])

    return to_picture


# ---- page maps


@settings(max_examples=40, deadline=None)
@given(angles, st.floats(2.0, 20.0), bends)
def test_to_page_undoes_to_picture_on_any_smooth_page(angle, px_per_mm, bend_mm):
    page_map = PageMap.from_function(KIT, bent(angle, px_per_mm, bend_mm))
    points_mm = np.random.default_rng(0).uniform((5, 5), (270, 210), (50, 2))
    back = page_map.to_page(page_map.to_picture(points_mm), points_mm + 1.5)
    np.testing.assert_allclose(back, points_mm, atol=1e-8)  # 60 random maps: 6e-10 mm at worst


@settings(max_examples=40, deadline=None)
@given(angles, st.floats(2.0, 20.0), st.floats(0.5, 7.0))
def test_a_flat_page_is_mapped_exactly_whatever_the_lattice(angle, px_per_mm, step_mm):
    exact = bent(angle, px_per_mm, 0.0)
    page_map = PageMap.from_function(KIT, exact, step_mm)
    points_mm = np.random.default_rng(0).uniform(0, KIT.size_mm, (50, 2))
    # nodes are float32: half a step of 5e-4 px at 4096 px and more
    np.testing.assert_allclose(page_map.to_picture(points_mm), exact(points_mm), atol=5e-4)


@given(st.floats(-30, 30), st.floats(-30, 30))
@settings(max_examples=30, deadline=None)
def test_the_map_beside_looks_where_it_says(right_mm, down_mm):
    page_map = PageMap.from_function(KIT, bent(0.1, 8.0, 0.0))
    points_mm = np.random.default_rng(0).uniform(0, 200, (20, 2))
    moved = page_map.displaced((right_mm, down_mm)).to_picture(points_mm)
    np.testing.assert_allclose(moved, page_map.to_picture(points_mm + np.array([right_mm, down_mm])), atol=2e-3)


def test_past_the_lattice_the_page_goes_on_straight():
    exact = bent(0.7, 8.0, 0.0)
    outside_mm = np.array([[-10.0, 50.0], [300.0, 100.0], [100.0, -20.0], [100.0, 240.0]])
    page_map = PageMap.from_function(KIT, exact)
    # a node's rounding times the eight steps of 2.5 mm
    np.testing.assert_allclose(page_map.to_picture(outside_mm), exact(outside_mm), atol=1e-3)  # 0.8e-3


def test_composing_moves_the_picture_under_the_page():
    page_map = PageMap.from_function(KIT, bent(0.2, 8.0, 1.0))
    moved = page_map.compose(lambda px: 2 * px + 7)
    points_mm = np.random.default_rng(0).uniform(0, 200, (20, 2))
    np.testing.assert_allclose(moved.to_picture(points_mm), 2 * page_map.to_picture(points_mm) + 7, atol=1e-9)


@each_layout
def test_the_lattice_covers_the_sheet_and_less_than_a_step_more(page):
    far = lattice_mm(page, 2.5)[-1, -1] - page.size_mm
    assert (far >= 0).all() and (far < 2.5).all()


# ---- frames of any layout


def test_a_second_and_a_millivolt_have_the_same_pixels_on_every_paper():
    usual, slow = FrameSpec(KIT), FrameSpec(SLOW_PAPER)
    assert (usual.px_per_mm_x, usual.px_per_mm_y) == (10.0, 8.0)
    assert (slow.px_per_mm_x, slow.px_per_mm_y) == (5.0, 16.0)  # twice the paper a second, half of it a millivolt


@each_layout
def test_a_frame_holds_the_sheet_to_the_pixel(page):
    spec = FrameSpec(page)
    np.testing.assert_allclose(
        np.array(spec.shape) / (spec.px_per_mm_y, spec.px_per_mm_x), page.size_mm[::-1], atol=0.5 / spec.px_per_mm_x
    )


@pytest.mark.parametrize(("size_mm", "shape"), [(A4, (1680, 2970)), (A5, (1184, 2100)), (A4[::-1], (2376, 2100))])
def test_a_sheet_of_another_size_has_a_frame_of_another_size(size_mm, shape):
    assert FrameSpec(compose_layout("3x1", (), leads=("I", "II", "III"), size_mm=size_mm)).shape == shape


@each_layout
def test_a_baseline_is_the_frame_row_of_0_mv_and_a_millivolt_above_it_80_px(page):
    spec = FrameSpec(page)
    for window in page.windows:
        zero, one = (page.y_mm(window, mv / window.gain_ratio) * spec.px_per_mm_y for mv in (0.0, 1.0))
        assert spec.baseline_px(window.row) == pytest.approx(zero)
        assert zero - one == pytest.approx(80.0)


@each_layout
def test_every_frame_pixel_looks_at_its_own_millimetre(page):
    spec = FrameSpec(page, Raster(50, 20))
    x, y = dense_map(PageMap.from_function(page, lambda mm: mm * 4.0 + 3.0), spec)
    cols, rows = np.meshgrid(np.arange(spec.shape[1]), np.arange(spec.shape[0]))
    np.testing.assert_allclose(x, cols / spec.px_per_mm_x * 4 + 3, atol=1e-4)
    np.testing.assert_allclose(y, rows / spec.px_per_mm_y * 4 + 3, atol=1e-4)


def test_a_picture_that_is_the_frame_comes_back_as_it_was():
    spec = FrameSpec(SLOW_PAPER, Raster(50, 20))
    picture = np.random.default_rng(0).integers(0, 256, (*spec.shape, 3), np.uint8)
    own = PageMap.from_function(SLOW_PAPER, lambda mm: mm * (spec.px_per_mm_x, spec.px_per_mm_y))
    frame, inside = resample(picture, own, spec)
    assert inside.all()
    np.testing.assert_array_equal(frame[:-1, :-1], picture[:-1, :-1])


def test_the_mask_says_what_the_picture_shows_to_half_a_pixel():
    spec = FrameSpec(KIT, Raster(50, 20))
    own = PageMap.from_function(KIT, lambda mm: mm * (spec.px_per_mm_x, spec.px_per_mm_y))
    _, inside = resample(np.zeros((100, 200, 3), np.uint8), own, spec)
    assert inside[:100, :200].all() and inside.sum() == 100 * 200


def test_dense_map_agrees_with_the_page_map_to_a_hundredth_of_a_pixel():
    spec = FrameSpec()
    page_map = PageMap.from_function(KIT, lambda mm: mm * (13.7, 14.1) + 40 * np.sin(mm[:, ::-1] / 60))
    coordinates = np.stack(np.meshgrid(np.arange(4200, dtype=np.float32), np.arange(3300, dtype=np.float32)), axis=-1)
    ramp = (coordinates / 4200 * 255).astype(np.float32)
    frame, inside = resample(np.dstack([ramp, ramp[..., :1]]), page_map, spec)
    points = np.stack(np.meshgrid(np.arange(500, 2500, 37), np.arange(300, 1500, 41)), axis=-1)
    expected = page_map.to_picture(points / (spec.px_per_mm_x, spec.px_per_mm_y))
    found = frame[points[..., 1], points[..., 0], :2] / 255 * 4200
    assert inside[points[..., 1], points[..., 0]].all()
    assert np.abs(found - expected).max() < 0.05  # cubic weights come in steps of 1/32 px
