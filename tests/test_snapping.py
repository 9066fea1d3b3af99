"""Lines that the page's program rounded to its pixels are recognised."""

import numpy as np
import pytest

from ecgpipe.page.layout import KIT
from ecgpipe.rectify.snapping import Snapping, find_snapping, snapping_mm
from ecgpipe.synth import PX_PER_MM
from tests.drawn import residuals_of


@pytest.mark.parametrize("place", [0, -1, 2])
def test_the_snapping_of_a_print_is_recognised_where_it_stands(place):
    snapping = find_snapping(residuals_of(place, 0.01), np.ones((46, 58, 2)), (-1, -1), KIT)
    np.testing.assert_array_equal(snapping.across_mm, snapping_mm(KIT, 0, 58, -1 + place))
    assert min(snapping.correlation) > 0.96  # 0.971


def test_a_page_stands_beside_its_place_only_where_the_print_shows_it():
    nothing = np.zeros(3)
    assert Snapping(nothing, nothing, (0.9, 0.9), (1, 0)).displaced
    assert not Snapping(nothing, nothing, (0.9, 0.2), (0, -2)).displaced
    assert not Snapping(nothing, nothing, (0.9, 0.9), (0, 0)).displaced


def test_lines_without_snapping_are_taken_for_regular():
    noise = np.random.default_rng(3).normal(0, 0.03, (46, 58, 1)) * np.ones(2)
    snapping = find_snapping(noise, np.ones((46, 58, 2)), (-1, -1), KIT)
    assert not snapping.offset_mm.any()


def test_lines_are_printed_within_half_a_pixel_of_their_regular_places():
    for lines, regular in zip(KIT.lines_mm(), (KIT.grid.left_mm, KIT.grid.top_mm), strict=True):
        off_px = (lines - regular - 5.0 * np.arange(len(lines))) * PX_PER_MM
        assert np.abs(off_px).max() <= 0.5 and 0.25 < off_px.std() < 0.33
