"""Contrast of ink: shadows are divided out, black ink and coloured lines are told apart."""

import numpy as np
import pytest

from ecgpipe.rectify.contrast import Channels, channels, contrast, grid_contrast

REACH_PX = 40
SHAPE = (240, 320)


def lined(ink: float = 0.5, every_px: int = 20, wide_px: int = 3) -> np.ndarray:
    """Share (H, W) of the light that lines take away."""
    y, x = np.indices(SHAPE)
    return ink * ((x % every_px < wide_px) | (y % every_px < wide_px))


def shadow(darkest: float) -> np.ndarray:
    """Light (H, W) that falls off smoothly to `darkest` of the paper's white."""
    x = np.linspace(0, 1, SHAPE[1])
    return np.broadcast_to(1 - (1 - darkest) * x, SHAPE)


@pytest.mark.parametrize("darkest", [1.0, 0.6, 0.3])
@pytest.mark.parametrize("ink", [0.2, 0.5, 0.9])
def test_lines_have_their_contrast_in_any_light(darkest, ink):
    light = 240 * shadow(darkest)
    found = contrast(np.rint(light * (1 - lined(ink))).astype(np.uint8), REACH_PX)
    inked = lined(ink) > 0
    # 8 levels are added to the illumination, which the closing has brighter by its slope over its reach
    expected = ink * light / (light + 8)
    assert np.abs(found - expected)[inked].max() < 0.1  # 0.095 in the dark
    assert found[~inked].max() < 0.13  # 0.12


@pytest.mark.parametrize("coarse", [2, 4])
def test_illumination_estimated_coarsely_is_nearly_the_same(coarse):
    grey = np.rint(230 * shadow(0.5) * (1 - lined())).astype(np.uint8)
    assert np.abs(contrast(grey, REACH_PX, coarse) - contrast(grey, REACH_PX)).mean() < 0.02


def test_bare_paper_has_none():
    assert not contrast(np.full(SHAPE, 200, np.uint8), REACH_PX).any()


def test_black_ink_is_told_from_a_coloured_grid():
    picture = np.full((*SHAPE, 3), 250, np.uint8)
    picture[lined() > 0] = 200, 120, 120  # dark red lines
    picture[100:103, 30:300] = 10  # a trace
    picture[..., 1:] -= np.random.default_rng(0).integers(0, 9, (*SHAPE, 1), np.uint8) * (lined() > 0)[..., None]
    by_colour = channels(picture, REACH_PX)
    trace = np.zeros(SHAPE, bool)
    trace[100:103, 30:300] = True
    assert by_colour.trace[trace].min() > 0.89 and by_colour.trace[~trace].max() == 0
    assert by_colour.greyness == pytest.approx(50 / 133, abs=0.03)


@pytest.mark.parametrize("grey", [True, False])
def test_a_grid_is_as_grey_as_it_is_printed(grey):
    ink = np.float32(lined() * np.random.default_rng(0).uniform(0.9, 1.1, SHAPE))
    assert Channels(ink if grey else 0 * ink, ink).greyness == pytest.approx(1.0 if grey else 0.0, abs=1e-6)


def test_a_blank_picture_counts_as_grey():
    blank = np.zeros(SHAPE, np.float32)
    assert Channels(blank, blank).greyness == 1.0


def test_for_finding_the_grid_a_trace_weighs_no_more_than_a_few_lines_and_colours_count_like_black():
    red, black = np.full((2, *SHAPE, 3), 250, np.uint8)
    red[lined() > 0] = 250, 125, 125
    black[lined() > 0] = 125
    red[100:103], black[100:103] = 0, 0
    found, other = (grid_contrast(picture, REACH_PX) for picture in (red, black))
    np.testing.assert_array_equal(found, other)
    line = np.median(found[lined() > 0])
    assert found.max() < 2.5 * line and found[lined() == 0].min() == 0
