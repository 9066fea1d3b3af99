"""Picture to page: where every millimetre lies, whichever way up, and what is not an ECG."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import FrameSpec, PageMap, lattice_mm, resample
from ecgpipe.page.layout import BOX_MM, KIT
from ecgpipe.rectify.lattice import Lattice, measure
from ecgpipe.rectify.printed import Pattern, find_pattern, find_ripple, snapped
from ecgpipe.rectify.quality import slipped_share
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.rectify.refine import page_lattice
from ecgpipe.rectify.registration import ink_offset_mm
from ecgpipe.rectify.slips import find_slips, put_right
from ecgpipe.rectify.surface import STIFFNESSES, best_stiffness, smooth
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

TRACED_MM = np.stack(np.meshgrid(np.arange(12.0, 266.0, 4.0), np.arange(60.0, 212.0, 4.0)), axis=-1)
CLEAN = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(), KIT)


def errors_mm(found: PageMap, true: PageMap) -> np.ndarray:
    """Distance on the paper between where a page point is and where it was thought to be."""
    at = true.to_picture(TRACED_MM)
    px_per_mm = np.linalg.norm(true.to_picture(TRACED_MM + np.array([1.0, 0.0])) - at, axis=-1)
    return np.linalg.norm(found.to_picture(TRACED_MM) - at, axis=-1) / px_per_mm


# ---- the whole way


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_clean_page_is_found_whichever_way_it_lies(page, turn):
    taken = capture(page, "0001", np.random.default_rng(0), quarter_turn=turn)
    error = errors_mm(rectify(taken.image).page_map, taken.page_map)
    assert np.median(error) < 0.06
    assert np.quantile(error, 0.95) < 0.25


@pytest.mark.parametrize("kind", ["0004", "0005"])
def test_scans_in_black_and_white_and_folded_photos_are_followed(page, kind):
    taken = capture(page, kind, np.random.default_rng(3), long_side_px=2200, quarter_turn=0)
    error = errors_mm(rectify(taken.image).page_map, taken.page_map)
    assert np.median(error) < 0.15
    assert np.quantile(error, 0.95) < 0.6


@pytest.mark.parametrize("long_side_px", [1800, 3200])
def test_a_photo_is_measured_closer_in_its_own_pixels(page, monkeypatch, long_side_px):
    taken = capture(page, "0005", np.random.default_rng(6), long_side_px=long_side_px, quarter_turn=0)
    closer = errors_mm(rectify(taken.image).page_map, taken.page_map)
    monkeypatch.setattr(
        "ecgpipe.rectify.rectifier.settle_closer", lambda settled, dark, zoom, _: settled.lattice.scaled(zoom)
    )
    coarse = errors_mm(rectify(taken.image).page_map, taken.page_map)
    assert np.median(closer) < 0.95 * np.median(coarse)
    assert np.quantile(closer, 0.95) < 0.9 * np.quantile(coarse, 0.95)


@pytest.mark.parametrize("boxes", [(1, 0), (-1, 0), (0, 1)])
def test_a_page_put_beside_its_place_is_moved_to_where_its_furniture_is(page, monkeypatch, boxes):
    places = []

    def beside_at_first(lattice, anchor, layout):
        places.append(anchor.first)
        moved = np.add(anchor.first, boxes if len(places) == 1 else 0)
        return page_lattice(lattice, replace(anchor, first=tuple(moved)), layout)

    monkeypatch.setattr("ecgpipe.rectify.rectifier.page_lattice", beside_at_first)
    taken = capture(page, "0003", np.random.default_rng(0), quarter_turn=0)
    assert np.median(errors_mm(rectify(taken.image).page_map, taken.page_map)) < 0.06
    assert len(places) == 2


def test_a_page_without_its_right_edge_keeps_its_place(page):
    cut = page[:, :1800]
    shown = TRACED_MM[..., 0] < 220
    assert np.quantile(errors_mm(rectify(cut).page_map, CLEAN)[shown], 0.95) < 0.25


# ---- what a printer's screen does to coloured lines


def wandering(ripple_mm: float, noise_mm: float = 0.002) -> tuple[np.ndarray, np.ndarray]:
    """Lines (46, 58) of a bent and creased sheet, and their sinusoid."""
    lines = np.arange(58)
    ripple = ripple_mm * np.cos(2 * np.pi * 0.314 * lines + 0.7)
    y, x = np.mgrid[:46, :58]
    sheet = 0.002 * (x - 30) ** 2 / 30 + 0.05 * np.maximum(x - 2 * y / 3 - 10, 0) + 0.3 * np.sin(y / 9)
    return sheet + ripple + np.random.default_rng(5).normal(0, noise_mm, x.shape), ripple


def test_a_ripple_over_the_lines_is_told_from_paper_that_bends():
    measured, ripple = wandering(0.015)
    found = find_ripple(measured, np.ones_like(measured))
    assert np.abs(found - ripple)[3:-3].max() < 0.003


def test_a_sheet_without_a_ripple_keeps_its_shape():
    measured, _ = wandering(0.0)
    assert np.abs(find_ripple(measured, np.ones_like(measured))).max() < 0.002


def test_lines_that_nobody_saw_have_no_ripple():
    measured, _ = wandering(0.015)
    assert not find_ripple(measured, np.zeros_like(measured)).any()


# ---- black ink beside a coloured grid


def out_of_register(page: np.ndarray, right_mm: float) -> np.ndarray:
    """The page with all that is black printed `right_mm` right of its place on the grid."""
    ink = 1.0 - page.max(axis=-1, keepdims=True) / 255.0
    bare = np.where(ink > 0.02, 255.0, page)
    step = np.array([[1.0, 0.0, right_mm * PX_PER_MM], [0.0, 1.0, 0.0]])
    moved = cv2.warpAffine(ink, step, page.shape[1::-1], flags=cv2.INTER_LINEAR)[..., None]
    return np.rint(bare * (1.0 - moved)).astype(np.uint8)


@pytest.mark.parametrize("right_mm", [-0.04, 0.0, 0.05])
def test_pulses_and_separators_tell_how_far_the_ink_lies_beside_the_grid(page, right_mm):
    assert ink_offset_mm(out_of_register(page, right_mm), CLEAN, KIT) == pytest.approx(right_mm, abs=0.004)


def test_the_map_of_a_page_out_of_register_leads_to_its_ink(page):
    shown = out_of_register(page, 0.05)
    points = TRACED_MM.reshape(-1, 2)
    right_px = (rectify(shown).page_map.to_picture(points) - CLEAN.to_picture(points))[:, 0]
    assert np.median(right_px) / PX_PER_MM == pytest.approx(0.05, abs=0.005)


def test_ink_that_is_not_seen_gives_no_offset(page):
    assert ink_offset_mm(np.full_like(page, 255), CLEAN, KIT) == 0.0


# ---- what is not an ECG


def grid_paper() -> np.ndarray:
    white = PageStyle(header=(), text=(255, 255, 255), trace=(255, 255, 255))
    return draw_page(np.full((12, 5000), 50.0), 500, white, KIT)


def cat() -> np.ndarray:
    """Fur: smooth shapes under fine streaks."""
    rng = np.random.default_rng(0)
    shapes = cv2.GaussianBlur(rng.normal(size=(900, 1200)), (0, 0), 60)
    fur = cv2.GaussianBlur(rng.normal(size=(900, 1200)), (0, 0), sigmaX=1, sigmaY=9)
    grey = 128 + 60 * shapes / shapes.std() + 25 * fur / fur.std()
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def chessboard() -> np.ndarray:
    squares = (np.indices((1200, 1600)) // 40).sum(axis=0) % 2
    return np.repeat((squares * 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("picture", [cat, grid_paper, chessboard, lambda: np.full((600, 800, 3), 255, np.uint8)])
def test_pictures_without_an_ecg_are_refused_with_a_reason(picture):
    with pytest.raises(PageNotFound, match="expected"):
        rectify(picture())


# ---- the pieces


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


@pytest.mark.parametrize("harmonics, px_per_mm, within_mm", [(3, 3.2, 0.08), (4, 3.2, 0.08), (12, 6.4, 0.01)])
def test_measure_tells_how_far_the_lines_are_off(harmonics, px_per_mm, within_mm):
    shift_mm = np.array([0.4, -0.7])
    points = lattice_mm(KIT, 5.0)
    lattice = Lattice(points * 6.0, 5.0, np.zeros(2))
    y, x = np.mgrid[: int(220 * 6.0), : int(280 * 6.0)] / 6.0
    off = np.stack([x, y], axis=-1) - shift_mm
    dark = np.exp(-0.5 * (np.abs(off - 5.0 * np.round(off / 5.0)) / 0.15) ** 2).max(axis=-1).astype(np.float32)
    misfit = measure(lattice, dark, 4.0, harmonics=harmonics, px_per_mm=px_per_mm)
    inner = slice(4, -4)
    assert misfit.weight[inner, inner].min() > 0.9
    assert np.abs(misfit.shift_mm[inner, inner] - shift_mm).max() < within_mm


def test_measure_is_not_pulled_by_a_bar_beside_a_line_that_is_left_out():
    lattice = Lattice(lattice_mm(KIT, 5.0) * 6.0, 5.0, np.zeros(2))
    y, x = np.mgrid[: int(220 * 6.0), : int(280 * 6.0)] / 6.0
    off = np.stack([x, y], axis=-1)
    dark = np.exp(-0.5 * (np.abs(off - 5.0 * np.round(off / 5.0)) / 0.15) ** 2).max(axis=-1).astype(np.float32)
    bar = (np.abs(x - 100.6) < 0.35) & (np.abs(y - 100.0) < 8.0)
    errors = []
    for ink in (1.0, np.nan):
        misfit = measure(lattice, np.where(bar, np.float32(ink), dark), 1.5, harmonics=12, px_per_mm=6.4)
        errors.append(np.abs(misfit.shift_mm[20, 20, 0]))
    pulled, left_out = errors
    assert left_out < 0.02 < 0.1 < pulled


def test_smooth_follows_a_plane_and_does_not_follow_an_outlier():
    y, x = np.mgrid[:30, :40]
    plane = 0.1 * x - 0.05 * y
    target = plane.copy()
    target[15, 20] += 10.0
    fit = smooth(target, np.ones_like(target), 1.0, outlier=0.2, rounds=6)
    assert np.abs(fit - plane).max() < 0.05


def test_a_crease_stays_sharp_and_noise_beside_it_is_taken_out():
    x = np.arange(58) * np.ones((46, 1))
    folded = 0.05 * np.abs(x - 30.0)
    target = folded + np.random.default_rng(4).normal(0, 0.01, folded.shape)
    rounded, sharp = (smooth(target, np.ones_like(target), 0.1, outlier=0.06, rounds=n) for n in (1, 4))
    assert np.abs(sharp - folded)[:, 30].mean() < 0.5 * np.abs(rounded - folded)[:, 30].mean()
    assert (sharp - folded).std() < 0.007


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flat_sheet_proves_stiff_and_a_crumpled_one_loose(axis):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:46, :58]
    lines = rng.normal(0, 0.03, (46, 1) if axis == 0 else (1, 58))  # every line a little off, as a whole
    crumpled = 0.5 * np.sin(x / 1.6 + y / 2.0)
    flat, loose = (best_stiffness(sheet + lines, np.ones((46, 58)), axis) for sheet in (0.01 * x, crumpled))
    assert flat == STIFFNESSES[-1]
    assert loose == STIFFNESSES[0]


# ---- the print


def departures(place: int, noise_mm: float) -> np.ndarray:
    """What a smooth sheet leaves of a page's lines that stands `place` boxes right of where it was thought to be."""
    lattice = np.zeros((46, 58, 2))
    across, down = (snapped(KIT, axis, n, -1 + place * (axis == 0)) for axis, n in ((0, 58), (1, 46)))
    lattice += np.stack(np.broadcast_arrays(across[None, :], down[:, None]), axis=-1)
    return lattice + np.random.default_rng(2).normal(0, noise_mm, (1, 58, 2))


@pytest.mark.parametrize("place", [0, -1, 2])
def test_the_prints_own_pattern_is_recognised_where_it_stands(place):
    pattern = find_pattern(departures(place, 0.01), np.ones((46, 58, 2)), (-1, -1), KIT)
    np.testing.assert_array_equal(pattern.across_mm, snapped(KIT, 0, 58, -1 + place))
    assert min(pattern.likeness) > 0.9


REGULAR = 5.0 * np.stack(np.meshgrid(np.arange(58), np.arange(46)), axis=-1)


ROWS, COLS = np.indices((46, 58))
PART = (ROWS >= 30) & (COLS >= 35)
STAIN = np.abs(np.maximum(30.5 - ROWS, 35.5 - COLS)) < 1.0  # hides two lines all round the part


def miscounted(axis: int, boxes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a wavy sheet whose lines in PART are `boxes` further on than they were counted, and how far they lie
    off their places.
    """
    line = np.stack([COLS, ROWS], axis=-1)
    line[PART, axis] += boxes
    printed = np.stack([snapped(KIT, n, 60, -1)[line[..., n]] for n in (0, 1)], axis=-1)
    wave = 0.3 * np.sin(COLS / 9.0 + ROWS / 7.0)[..., None]
    nodes = 5.0 * line + printed + wave + np.random.default_rng(5).normal(0, 0.015, line.shape)
    return nodes, nodes - REGULAR


@pytest.mark.parametrize("axis, boxes", [(0, 1), (1, 1), (0, -1)])
def test_a_part_beyond_a_stain_counted_a_box_wrong_is_told_and_put_right(axis, boxes):
    nodes, off = miscounted(axis, boxes)
    seen = np.repeat(~STAIN[..., None], 2, axis=-1).astype(float)
    near = off - 5.0 * np.round(off / 5.0)  # from the line that was taken for each
    slips, doubtful = find_slips(off, ~STAIN, find_pattern(near, seen, (-1, -1), KIT), (-1, -1), KIT)
    island = PART & ~STAIN
    assert (slips[island, axis] == boxes).all()
    assert not slips[~island].any() and not slips[..., 1 - axis].any() and not doubtful.any()
    moved, known = put_right(nodes, seen, slips)
    assert np.abs(moved - REGULAR)[island & known.all(axis=-1)].max() < 1.0


def test_a_part_beyond_a_stain_is_doubtful_where_the_print_proves_nothing():
    _, off = miscounted(0, 1)
    regular = Pattern(np.zeros(58), np.zeros(46), (0.0, 0.0), (0, 0))
    slips, doubtful = find_slips(off, ~STAIN, regular, (-1, -1), KIT)
    assert not slips.any()
    np.testing.assert_array_equal(doubtful, PART & ~STAIN)


def test_a_part_beyond_a_stain_is_not_doubtful_where_the_print_fits():
    _, off = miscounted(0, 0)
    pattern = find_pattern(off, np.ones(off.shape), (-1, -1), KIT)
    slips, doubtful = find_slips(off, ~STAIN, pattern, (-1, -1), KIT)
    assert not slips.any() and not doubtful.any()


def test_a_crease_is_not_taken_for_a_slip():
    off = departures(0, 0.015) + 0.25 * np.abs(np.arange(58) - 30.0)[None, :, None] * np.array([1.0, 0.0])
    pattern = find_pattern(off, np.ones(off.shape), (-1, -1), KIT)
    slips, doubtful = find_slips(off, ~STAIN, pattern, (-1, -1), KIT)
    assert not slips.any() and not doubtful.any()


@pytest.mark.parametrize("boxes", [(1, 0), (0, -1)])
def test_two_maps_of_one_page_say_where_their_boxes_were_counted_differently(boxes):
    moved = np.asarray(boxes) * BOX_MM
    rows, cols = CLEAN.nodes.shape[:2]
    right_third = (np.arange(cols) * CLEAN.step_mm > 180)[None, :, None]
    other = replace(CLEAN, nodes=np.where(right_third, CLEAN.beside(tuple(moved)).nodes, CLEAN.nodes))
    shape = (rows * 40, cols * 40)  # holds all of it
    assert slipped_share(CLEAN, CLEAN.beside((0.5, 0.5)), shape, KIT) == 0.0
    share = slipped_share(CLEAN, other, shape, KIT)
    assert share == pytest.approx((KIT.right_mm - 180) / (KIT.right_mm - KIT.left_mm), abs=0.03)
    assert slipped_share(other, CLEAN, shape, KIT) == pytest.approx(share, abs=0.01)


def test_a_page_stands_beside_its_place_only_where_the_print_shows_it():
    nothing = np.zeros(3)
    assert Pattern(nothing, nothing, (0.9, 0.9), (1, 0)).beside
    assert not Pattern(nothing, nothing, (0.9, 0.2), (0, -2)).beside
    assert not Pattern(nothing, nothing, (0.9, 0.9), (0, 0)).beside


def test_lines_without_the_pattern_are_taken_for_regular():
    noise = np.random.default_rng(3).normal(0, 0.03, (46, 58, 1)) * np.ones(2)
    pattern = find_pattern(noise, np.ones((46, 58, 2)), (-1, -1), KIT)
    assert not pattern.shift_mm.any()


def test_lines_are_printed_within_half_a_pixel_of_their_regular_places():
    for lines, regular in zip(KIT.lines_mm(), (KIT.grid.left_mm, KIT.grid.top_mm), strict=True):
        off_px = (lines - regular - 5.0 * np.arange(len(lines))) * PX_PER_MM
        assert np.abs(off_px).max() <= 0.5 and 0.25 < off_px.std() < 0.33
