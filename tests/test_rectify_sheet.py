"""A sheet of which only the grid is known: its map is right but for whole boxes, and it turns without its picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify import sheet as sheet_module
from ecgpipe.rectify.contrast import grid_contrast
from ecgpipe.rectify.line_phase import LineSearch
from ecgpipe.rectify.seed import Seed, find_seeds
from ecgpipe.rectify.sheet import Sheet, rectify_sheet
from ecgpipe.rectify.working import REACH_PX
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import capture
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

PAGE = compose_layout("6x2", ("II",))
PLAIN = PageStyle(header=())
ALIKE = replace(PLAIN, major=PLAIN.minor, major_width_mm=PLAIN.minor_width_mm)
SERIES = simulate(np.random.default_rng(5))


def errors_mm(sheet: Sheet, true: PageMap, step_mm: float = BOX_MM) -> np.ndarray:
    """How far points of the sheet, which may begin whole steps beside the page's grid, lie from where they should
    be."""
    corner = PAGE.grid.left_mm, PAGE.grid.top_mm
    inner = np.stack(np.meshgrid(np.arange(20.0, 260.0, 8.0), np.arange(30.0, 200.0, 8.0)), axis=-1)
    there = sheet.page_map.to_page(true.to_picture(inner), inner, rounds=8)
    steps = (there - inner + np.asarray(corner)) / step_mm
    off = steps - np.round(np.median(steps, axis=(0, 1)))
    return np.linalg.norm(off, axis=-1) * step_mm


@pytest.fixture(scope="module")
def clean() -> tuple[Sheet, PageMap]:
    true = PageMap.from_function(PAGE, lambda mm: mm * PX_PER_MM - 0.5)
    return rectify_sheet(draw_page(SERIES, 500, PLAIN, PAGE)), true


def test_a_clean_sheet_is_right_but_for_whole_boxes(clean):
    error = errors_mm(*clean)
    assert np.median(error) < 0.006 and np.quantile(error, 0.95) < 0.013  # 0.005, 0.012: its lines are on whole pixels


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "style", "step_mm"), [("0005", PLAIN, BOX_MM), ("0003", ALIKE, 1.0)])
def test_a_captured_sheet_is_right_but_for_whole_boxes_or_lines_that_are_alike(kind, style, step_mm):
    page = draw_page(SERIES, 500, style, PAGE)
    taken = capture(page, kind, np.random.default_rng(3), PAGE, long_side_px=2200, quarter_turn=0)
    error = errors_mm(rectify_sheet(taken.image), taken.page_map, step_mm)
    assert np.median(error) < 0.012 and np.quantile(error, 0.95) < 0.04  # 0.008, 0.019 at worst


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_sheet_shows_the_same_points_elsewhere(clean, turns):
    sheet, _ = clean
    turned = sheet.turned(turns)
    width, height = sheet.blank.size_mm
    assert turned.blank.size_mm == ((height, width) if turns % 2 else (width, height))
    points = lattice_mm(sheet.blank, 20.0)[1:-1, 1:-1]
    x, y = np.moveaxis(points, -1, 0)
    there = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[turns]
    apart = turned.page_map.to_picture(np.stack(there, axis=-1)) - sheet.page_map.to_picture(points)
    assert np.linalg.norm(apart, axis=-1).max() < 1e-3


def test_four_quarter_turns_are_none(clean):
    sheet, _ = clean
    there = sheet.turned(1).turned(3)
    np.testing.assert_array_equal(there.page_map.nodes, sheet.page_map.nodes)
    np.testing.assert_array_equal(there.refined.residuals.offset_mm, sheet.refined.residuals.offset_mm)
    assert there.blank == sheet.blank and sheet.turned(4) is sheet


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_the_quality_of_a_layout_on_it_is_that_of_where_its_traces_are(clean, turns):
    sheet = clean[0].turned(turns)
    moved = compose_layout("3x4", (), size_mm=sheet.blank.size_mm, speed=12.5)
    quality = sheet.quality(moved, 0.8, turns)
    assert (quality.certainty, quality.turns) == (0.8, turns)
    assert quality.misfit_mm < 0.01 and quality.cut_off_share == 0  # 0.007
    if turns == 2:
        assert quality.misfit_mm == pytest.approx(sheet.quality(moved, 0.8, 2).misfit_mm)


@pytest.mark.parametrize("shape", [(600, 800, 3), (60, 80, 3)])
def test_a_picture_without_a_grid_has_no_sheet(shape):
    with pytest.raises(PageNotFound, match="no 5 mm grid found"):
        rectify_sheet(np.full(shape, 255, np.uint8))


# ---- grids whose lines are all alike


def uniform_grid(spacing_px: float, shape: tuple[int, int] = (640, 640)) -> np.ndarray:
    """The contrast (H, W) of lines that are all alike, in a little noise."""
    lines = [np.exp(-0.5 * (((np.arange(n) + spacing_px / 2) % spacing_px - spacing_px / 2) / 0.8) ** 2) for n in shape]
    noise = np.random.default_rng(0).normal(0, 0.1, shape)
    return (np.maximum(lines[0][:, None], lines[1][None]) + noise).astype(np.float32)


@pytest.mark.parametrize("spacing_px", [6.0, 8.0, 10.5])
def test_lines_that_are_all_alike_are_seen_as_those_of_a_millimetre(spacing_px):
    seed, *_ = find_seeds(uniform_grid(spacing_px), 1, lines_per_box=5)
    assert seed.lines_per_box == 5
    np.testing.assert_allclose(seed.mm_to_px, np.eye(2) * spacing_px, atol=0.002 * spacing_px)


def test_a_search_among_lines_that_are_alike_does_not_reach_the_next_one():
    search = LineSearch(5.0, 12)
    assert search.among(1) is search
    near = search.among(5)
    assert near.reach_mm < 0.5 < search.reach_mm
    assert 2 <= near.harmonics < search.harmonics and near.px_per_mm > search.px_per_mm


def test_heavy_lines_that_are_hardly_darker_do_not_end_the_sheet():
    picture = np.full((1200, 2000, 3), 224, np.uint8)
    for every_mm, ink in ((1, 213), (5, 203)):
        for at in range(0, 250, every_mm):
            first = round(at * 8.0)
            picture[first : first + 2] = ink
            picture[:, first : first + 2] = ink
    x = np.arange(2000)
    for zero in (600, 1000):
        wave = zero - 150 * np.exp(-((((x % 165) - 80) / 6.0) ** 2)) - 30 * np.exp(-((((x % 165) - 130) / 15.0) ** 2))
        cv2.polylines(picture, [np.stack([x, wave.round()], axis=-1).astype(np.int32)], False, (40, 40, 40), 3)
    dark = grid_contrast(picture, REACH_PX)
    mesh, residuals = sheet_module._by_all_lines(dark, sheet_module._largest_mesh(dark))
    held = mesh.nodes[residuals.weight.min(axis=-1) > 0]
    assert len(held) > 1100  # of 1,470: 1,197, by heavy lines alone 822
    assert np.ptp(held, axis=0) == pytest.approx([1920, 1120], abs=90)


def test_seeds_of_other_boxes_are_one_of_each_size():
    def seed(box_px: float) -> Seed:
        return Seed(np.zeros(2), np.eye(2) * box_px / BOX_MM, 1.0)

    seeds = [seed(box_px) for box_px in (40, 41, 40, 42, 20, 21, 13, 40, 20)]
    assert [other.mm_to_px[0, 0] * BOX_MM for other in sheet_module._of_other_boxes(seeds)] == [20, 13]
