"""Picture to page: where every millimetre lies, whichever way up, and what is not an ECG."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.rectify.refine import page_mesh
from ecgpipe.rectify.seed import find_seeds
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
    assert np.median(error) < 0.001  # 0.0003
    assert np.quantile(error, 0.95) < 0.012  # 0.006


@pytest.mark.parametrize("kind", ["0004", "0005"])
def test_scans_in_black_and_white_and_folded_photos_are_followed(page, kind):
    taken = capture(page, kind, np.random.default_rng(3), long_side_px=2200, quarter_turn=0)
    error = errors_mm(rectify(taken.image).page_map, taken.page_map)
    assert np.median(error) < 0.01  # 0.002 and 0.006
    assert np.quantile(error, 0.95) < 0.04  # 0.008 and 0.024


@pytest.mark.parametrize("long_side_px", [1800, 3200])
def test_a_photo_is_measured_closer_in_its_own_pixels(page, monkeypatch, long_side_px):
    taken = capture(page, "0005", np.random.default_rng(6), long_side_px=long_side_px, quarter_turn=0)
    closer = errors_mm(rectify(taken.image).page_map, taken.page_map)
    monkeypatch.setattr(
        "ecgpipe.rectify.working.refine_closer", lambda refined, dark, zoom, _: refined.mesh.scaled(zoom)
    )
    coarse = errors_mm(rectify(taken.image).page_map, taken.page_map)
    assert np.median(closer) < 0.95 * np.median(coarse)
    assert np.quantile(closer, 0.95) < 0.9 * np.quantile(coarse, 0.95)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_page_looked_at_twice_is_grown_anew_from_what_the_first_look_sees_and_lies_as_it_lies(
    page, monkeypatch, turn
):
    taken = capture(page, "0005", np.random.default_rng(6), long_side_px=2200, quarter_turn=turn)
    once, sought = rectify(taken.image), []
    monkeypatch.setattr("ecgpipe.rectify.rectifier.WELL_SEEN", -1.0)
    monkeypatch.setattr("ecgpipe.rectify.rectifier.LONG_SIDES_PX", (2000, 2100))
    monkeypatch.setattr("ecgpipe.rectify.rectifier.find_seeds", lambda *of: sought.append(of) or find_seeds(*of))
    twice = rectify(taken.image)
    assert len(sought) == 1 and twice.quality.turns == once.quality.turns
    assert np.quantile(errors_mm(twice.page_map, taken.page_map), 0.95) < 0.04


@pytest.mark.parametrize("boxes", [(1, 0), (-1, 0), (0, 1)])
def test_a_displaced_page_is_moved_to_where_its_landmarks_are(page, monkeypatch, boxes):
    places = []

    def displaced_at_first(mesh, placement, layout):
        places.append(placement.first)
        moved = np.add(placement.first, boxes if len(places) == 1 else 0)
        return page_mesh(mesh, replace(placement, first=tuple(moved)), layout)

    monkeypatch.setattr("ecgpipe.rectify.rectifier.page_mesh", displaced_at_first)
    taken = capture(page, "0003", np.random.default_rng(0), quarter_turn=0)
    assert np.median(errors_mm(rectify(taken.image).page_map, taken.page_map)) < 0.006  # 0.003
    assert len(places) == 2


def test_a_page_without_its_right_edge_keeps_its_place(page):
    cut = page[:, :1800]
    shown = TRACED_MM[..., 0] < 220
    assert np.quantile(errors_mm(rectify(cut).page_map, CLEAN)[shown], 0.95) < 0.014  # 0.007


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
