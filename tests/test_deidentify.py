"""Of a de-identified picture nothing is left but the traces' ink."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from ecgpipe.digitize.deidentify import INK_RGB, PAPER_RGB, deidentified
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.style import PageStyle
from ecgpipe.trace.strips import FS_HZ
from tests.layouts import OTHERS, waves

BARE = PageStyle(major=PAPER_RGB, minor=PAPER_RGB, trace=(0, 0, 0), show_border=False, header=())
each_page = pytest.mark.parametrize("page", [KIT, *OTHERS.values()], ids=["kit", *OTHERS])


def sure(page) -> np.ndarray:
    return np.full_like(waves(page), 0.005)


def map_of(page):
    return PageMap.from_function(page, lambda mm: mm * PX_PER_MM - 0.5)


def trace_ink(page) -> np.ndarray:
    """Where draw_page has the traces of `waves`."""
    bare = replace(page, names=(), texts=(), pulses=(), separators=())
    return draw_page(waves(page), FS_HZ, BARE, bare).max(axis=2) < 60


@each_page
def test_a_picture_of_anything_else_leaves_the_same_but_for_what_lies_near_the_traces(page):
    size = round(page.height_mm * PX_PER_MM), round(page.width_mm * PX_PER_MM), 3
    rng = np.random.default_rng(3)
    pictures = [np.full(size, 255, np.uint8), rng.integers(0, 256, size, dtype=np.uint8)]
    first, second = (deidentified(one, map_of(page), waves(page), sure(page), page) for one in pictures)
    differing = (first != second).any(axis=2)
    ink = trace_ink(page)
    assert 0.95 * ink.sum() < (differing & ink).sum(), "the ink itself is kept"
    assert distance_transform_edt(~ink)[differing].max() < 1.0 * PX_PER_MM


def test_ink_that_was_not_surely_read_is_not_kept():
    picture = np.zeros((round(KIT.height_mm * PX_PER_MM), round(KIT.width_mm * PX_PER_MM), 3), np.uint8)
    unsure = sure(KIT)
    unsure[LEADS.index("V5")] = 0.2
    kept, less = (deidentified(picture, map_of(KIT), waves(KIT), sigma, KIT) for sigma in (sure(KIT), unsure))
    window = KIT.lead_windows["V5"]
    changed = np.nonzero((kept != less).any(axis=2))
    at_mm = changed[1] / PX_PER_MM
    assert at_mm.size > 1000 and window.left_mm - 1 < at_mm.min()
    assert (less == picture).all(axis=2).sum() < (kept == picture).all(axis=2).sum()


def test_lead_names_pulses_and_scales_are_there_again():
    picture = np.full((round(KIT.height_mm * PX_PER_MM), round(KIT.width_mm * PX_PER_MM), 3), 255, np.uint8)
    nothing = np.full_like(waves(KIT), np.nan)
    ink = (deidentified(picture, map_of(KIT), nothing, sure(KIT), KIT) == INK_RGB).all(axis=2)

    def inked(left_mm: float, top_mm: float, wide_mm: float, high_mm: float) -> int:
        top, bottom, left, right = (
            round(mm * PX_PER_MM) for mm in (top_mm, top_mm + high_mm, left_mm, left_mm + wide_mm)
        )
        return int(ink[top:bottom, left:right].sum())

    for window in KIT.windows:
        assert inked(window.left_mm, KIT.baselines_mm[window.row] - 11, 10, 5) > 30, window.lead
    pulse = KIT.pulses[0]
    assert inked(pulse.left_mm - 0.5, KIT.baselines_mm[pulse.row] - 10.5, 6, 11) > 100
    assert inked(KIT.left_mm, KIT.baselines_mm[-1] + 10, 40, 6) > 200
