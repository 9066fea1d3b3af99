"""How far black ink lies beside a coloured grid."""

import cv2
import numpy as np
import pytest

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.rectify.registration import ink_offset_mm
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

TRACED_MM = np.stack(np.meshgrid(np.arange(12.0, 266.0, 4.0), np.arange(60.0, 212.0, 4.0)), axis=-1)
CLEAN = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(), KIT)


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
