"""Jumps of a scanner's carriage, between two heavy lines of the grid."""

import cv2
import numpy as np
import pytest

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.carriage import between_lines
from ecgpipe.rectify.mesh import GridMesh
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

EXACT = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
# Where the scan has what the page has at x, as on a scanner at hand: the carriage lags, jumps back and recovers.
AT_MM = np.array([0.0, 215.0, 220.0, 223.4, 223.6, 240.0, 300.0])
RIGHT_MM = np.array([0.0, 0.0, 0.1, 0.15, -0.2, -0.3, -0.3])


def scanned_mm(x_mm: np.ndarray) -> np.ndarray:
    return x_mm + np.interp(x_mm, AT_MM, RIGHT_MM)


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    page = draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(), KIT)
    known_mm = np.arange(0.0, 300.0, 0.01)
    to_px, rows = (np.arange(side, dtype=np.float32) for side in page.shape[1::-1])
    from_mm = np.interp((to_px + 0.5) / PX_PER_MM, scanned_mm(known_mm), known_mm)
    from_px = (from_mm * PX_PER_MM - 0.5).astype(np.float32)
    return cv2.remap(page, *np.broadcast_arrays(from_px[None], rows[:, None]), cv2.INTER_LINEAR)


def off_mm(page_map: PageMap, x_mm: np.ndarray) -> np.ndarray:
    """How far right of its place the map of the scan has the page's points at `x_mm`, in all rows."""
    points, true = (np.stack(np.meshgrid(each, KIT.baselines_mm), axis=-1) for each in (x_mm, scanned_mm(x_mm)))
    return (page_map.to_picture(points) - EXACT.to_picture(true))[..., 0] / PX_PER_MM


def test_a_jump_is_followed_and_placed_within_its_box(scan):
    """From heavy line to heavy line the map would be 0.2 mm off beside the jump."""
    page_map = rectify(scan).page_map
    away, beside = (
        np.concatenate([np.arange(15.0, 212.0), np.arange(228.0, 264.0)]),
        np.array([221.0, 222.0, 222.8, 224.2]),
    )
    assert np.quantile(np.abs(off_mm(page_map, away)), 0.95) < 0.06
    assert np.abs(off_mm(page_map, beside)).max() < 0.06


def test_where_nothing_jumps_the_lines_of_a_millimetre_are_not_asked():
    nodes = np.stack(np.meshgrid(np.arange(58.0), np.arange(45.0)), axis=-1) * 5 * PX_PER_MM
    mesh = GridMesh(nodes, 5.0, np.array([-5.0, -5.0]))
    dark, fine_mm = np.zeros((1700, 2200), np.float32), np.arange(0.0, 280.0)
    assert between_lines(mesh, dark, np.full(58, 0.03), fine_mm) is None
    assert between_lines(mesh, dark, np.where(np.arange(58) == 45, 0.2, 0.0), fine_mm) is None  # none is seen
