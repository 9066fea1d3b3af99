"""Picture to page: where every millimetre lies, whichever way up, and what is not an ECG."""

import cv2
import numpy as np
import pytest

from ecgpipe import layout
from ecgpipe.digitize import moved_traces, trace_curves
from ecgpipe.errors import PageNotFound
from ecgpipe.geometry import FrameSpec, PageMap, lattice_mm, resample
from ecgpipe.rectify import rectify
from ecgpipe.rectify.lattice import Lattice, measure
from ecgpipe.rectify.surface import smooth
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.reader import Traces

TRACED_MM = np.stack(np.meshgrid(np.arange(12.0, 266.0, 4.0), np.arange(60.0, 212.0, 4.0)), axis=-1)


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return draw_page(simulate(np.random.default_rng(5)), 500, PageStyle())


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


def test_a_page_without_its_right_edge_keeps_its_place(page):
    cut = page[:, :1800]
    identity = PageMap.from_function(lambda mm: mm * layout.REFERENCE_PX_PER_MM - 0.5)
    shown = TRACED_MM[..., 0] < 220
    assert np.quantile(errors_mm(rectify(cut).page_map, identity)[shown], 0.95) < 0.25


# ---- what is not an ECG


def grid_paper() -> np.ndarray:
    return draw_page(np.full((12, 5000), 50.0), 500, PageStyle(header=(), text=(255, 255, 255), trace=(255, 255, 255)))


def cat() -> np.ndarray:
    """Fur: smooth shapes under fine streaks."""
    rng = np.random.default_rng(0)
    shapes = cv2.GaussianBlur(rng.normal(size=(900, 1200)), (0, 0), 60)
    fur = cv2.GaussianBlur(rng.normal(size=(900, 1200)), (0, 0), sigmaX=1, sigmaY=9)
    grey = 128 + 60 * shapes / shapes.std() + 25 * fur / fur.std()
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("picture", [cat, grid_paper, lambda: np.full((600, 800, 3), 255, np.uint8)])
def test_pictures_without_an_ecg_are_refused_with_a_reason(picture):
    with pytest.raises(PageNotFound, match="expected"):
        rectify(picture())


# ---- the pieces


def test_dense_map_agrees_with_the_page_map_to_a_hundredth_of_a_pixel():
    spec = FrameSpec()
    page_map = PageMap.from_function(lambda mm: mm * (13.7, 14.1) + 40 * np.sin(mm[:, ::-1] / 60))
    coordinates = np.stack(np.meshgrid(np.arange(4200, dtype=np.float32), np.arange(3300, dtype=np.float32)), axis=-1)
    ramp = (coordinates / 4200 * 255).astype(np.float32)
    frame, inside = resample(np.dstack([ramp, ramp[..., :1]]), page_map, spec)
    points = np.stack(np.meshgrid(np.arange(500, 2500, 37), np.arange(300, 1500, 41)), axis=-1)
    expected = page_map.to_picture(points / (spec.px_per_mm_x, spec.px_per_mm_y))
    found = frame[points[..., 1], points[..., 0], :2] / 255 * 4200
    assert inside[points[..., 1], points[..., 0]].all()
    assert np.abs(found - expected).max() < 0.05  # cubic weights come in steps of 1/32 px


@pytest.mark.parametrize("harmonics", [1, 4])
def test_measure_tells_how_far_the_lines_are_off(harmonics):
    shift_mm = np.array([0.4, -0.7])
    points = lattice_mm(5.0)
    lattice = Lattice(points * 6.0, 5.0, np.zeros(2))
    y, x = np.mgrid[: int(220 * 6.0), : int(280 * 6.0)] / 6.0
    off = np.stack([x, y], axis=-1) - shift_mm
    dark = np.exp(-0.5 * (np.abs(off - 5.0 * np.round(off / 5.0)) / 0.15) ** 2).max(axis=-1).astype(np.float32)
    misfit = measure(lattice, dark, 4.0, harmonics=harmonics)
    inner = slice(4, -4)
    assert misfit.weight[inner, inner].min() > 0.9
    assert np.abs(misfit.shift_mm[inner, inner] - shift_mm).max() < 0.08


def test_smooth_follows_a_plane_and_does_not_follow_an_outlier():
    y, x = np.mgrid[:30, :40]
    plane = (0.1 * x - 0.05 * y)[..., None]
    target = plane.copy()
    target[15, 20] += 10.0
    fit = smooth(target, np.ones_like(target), 1.0, scale=0.2, rounds=6)
    assert np.abs(fit - plane).max() < 0.05


def test_known_traces_on_a_black_grid_no_longer_pull_the_lines(page):
    signals = simulate(np.random.default_rng(5))
    taken = capture(page, "0004", np.random.default_rng(0), quarter_turn=0)
    first = rectify(taken.image)
    assert not first.blanked
    rows = np.stack(
        [np.concatenate([signals[3 * q + row, 1250 * q : 1250 * (q + 1)] for q in range(4)]) for row in range(3)]
    )
    known = moved_traces(Traces(np.vstack([rows, signals[1]]), np.ones((4, 5000))), taken.page_map, first.page_map)
    second = first.without_traces(trace_curves(known))
    assert errors_mm(second.page_map, taken.page_map).mean() < errors_mm(first.page_map, taken.page_map).mean()


def test_traces_move_with_the_map_they_are_read_by():
    def straight(mm):
        return mm * 8.0

    def bent(mm):  # everything lies 0.3 mm right of and 0.2 mm below where `straight` looks
        return (mm + np.array([0.3, 0.2])) * 8.0

    time_s = np.arange(5000) / 500
    truth = np.tile(0.8 * np.sin(2 * np.pi * 3 * time_s), (4, 1))
    true_map, wrong_map = PageMap.from_function(bent), PageMap.from_function(straight)
    read = moved_traces(Traces(truth, np.ones_like(truth)), true_map, wrong_map)
    assert np.abs(read.mv[:, 50:-50] - truth[:, 50:-50]).max() > 0.05
    back = moved_traces(read, wrong_map, true_map)
    assert np.abs(back.mv[:, 50:-50] - truth[:, 50:-50]).max() < 0.002
