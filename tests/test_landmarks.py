"""The page's place on a sheet: found by its landmarks, whichever way up it lies and though a part is missing."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe.page.layout import BOX_MM, KIT
from ecgpipe.rectify.contrast import contrast
from ecgpipe.rectify.landmarks import CELL_PX, find_placement
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

GRID = KIT.grid
DOWN, ACROSS = GRID.rows, GRID.columns
WHITE = (255, 255, 255)


@pytest.fixture(scope="module", params=[WHITE, (90, 90, 90)], ids=["coloured grid", "black grid"])
def ink(request) -> np.ndarray:
    """Contrast of the kit's page, its first lines across and down in the middle of the first box; a black grid is ink,
    a coloured one is not."""
    drawn = draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(major=request.param, minor=WHITE), KIT)
    left_px, top_px = ((mm - BOX_MM / 2) * PX_PER_MM for mm in (GRID.left_mm, GRID.top_mm))
    scale = CELL_PX / (BOX_MM * PX_PER_MM)
    move = np.array([[scale, 0, -left_px * scale], [0, scale, -top_px * scale]])
    small = cv2.warpAffine(drawn, move, (ACROSS * CELL_PX, DOWN * CELL_PX), flags=cv2.INTER_AREA, borderValue=WHITE)
    return contrast(small.max(axis=2), 4 * CELL_PX)


def whole() -> np.ndarray:
    return np.ones((DOWN, ACROSS), bool)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_page_is_found_whichever_way_up_it_lies(ink, turns):
    found = find_placement(np.rot90(ink, -turns), np.rot90(whole(), -turns), KIT)
    assert (found.turns, found.first) == (turns, (0, 0))
    assert found.margin > 0.1


@pytest.mark.parametrize(("boxes_right", "boxes_down"), [(3, 0), (0, 2), (5, 4)])
def test_a_page_on_a_larger_sheet_is_found_where_it_lies(ink, boxes_right, boxes_down):
    sheet = np.ones((DOWN + 6, ACROSS + 8), bool)
    wide = np.zeros((sheet.shape[0] * CELL_PX, sheet.shape[1] * CELL_PX), np.float32)
    wide[boxes_down * CELL_PX :, boxes_right * CELL_PX :][: ink.shape[0], : ink.shape[1]] = ink
    found = find_placement(wide, sheet, KIT)
    assert (found.turns, found.first) == (0, (boxes_right, boxes_down))


def test_a_page_whose_left_third_was_not_seen_begins_left_of_the_sheet(ink):
    gone = ACROSS // 4
    found = find_placement(ink[:, gone * CELL_PX :], whole()[:, gone:], KIT)
    assert (found.turns, found.first) == (0, (-gone, 0))


def test_boxes_that_are_no_paper_change_nothing(ink):
    sheet = np.zeros((DOWN + 4, ACROSS + 4), bool)
    sheet[2:-2, 2:-2] = True
    found = find_placement(np.pad(ink, 2 * CELL_PX), sheet, KIT)
    alone = find_placement(ink, whole(), KIT)
    assert found == replace(alone, first=(2, 2))


def test_noise_has_no_clear_place(ink):
    noise = np.random.default_rng(0).uniform(0, 0.5, ink.shape).astype(np.float32)
    assert find_placement(noise, whole(), KIT).margin < 0.01
    assert find_placement(noise, whole(), KIT).score < 0.3 * find_placement(ink, whole(), KIT).score
