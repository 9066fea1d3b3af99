"""A stain hides the trace for good, and says where."""

import numpy as np
import pytest

from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import PAPER, StripSpec
from experiments.architectures.hidden import stretches
from experiments.architectures.stains import stained

SPEC = StripSpec(FrameSpec(raster=Raster(125.0, 40.0)))
COLUMNS, T = 500, 2000


def drawn(heights: np.ndarray) -> np.ndarray:
    """A strip (H, W, 3) whose trace is black, 3 px high."""
    image = np.full((SPEC.height, COLUMNS, 3), PAPER, np.uint8)
    columns = np.arange(len(heights)) // SPEC.samples_per_px
    for side in (-1, 0, 1):
        image[np.rint(heights).astype(int) + side, columns] = 0
    return image


@pytest.mark.parametrize("seed", range(5))
def test_nothing_under_a_stain_depends_on_the_trace(seed):
    low, high = np.full(T, 126.0), np.full(T, 130.0)
    here = [stained(drawn(heights), low, SPEC, np.random.default_rng(seed), 2) for heights in (low, high)]
    columns = np.flatnonzero(here[0][1].reshape(COLUMNS, -1).all(axis=1))
    assert 10 < len(columns) < 125  # 0.08 to 1 s
    beside = np.flatnonzero(~here[0][1].reshape(COLUMNS, -1).any(axis=1))
    under, seen = ([image[124:133, part] for image, _ in here] for part in (columns, beside))
    # 130 lies at most 4 px off: in columns where the stain hides it too, both look alike
    alike = (under[0] == under[1]).all(axis=(0, 2))
    assert alike.mean() > 0.9 and (seen[0] != seen[1]).any()


def test_the_same_seed_gives_the_same_stains_and_the_picture_that_went_in_stays():
    heights = np.full(T, 128.0)
    image = drawn(heights)
    first, second = (stained(image, heights, SPEC, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(image, drawn(heights))


def test_a_tall_wave_looks_out_and_what_is_unknown_is_not_hidden():
    heights = np.full(T, 128.0)
    heights[980:1020] = 12.0  # 2.9 mV
    heights[:200] = np.nan
    hidden = np.zeros(T, bool)
    for seed in range(30):
        hidden |= stained(
            np.full((SPEC.height, COLUMNS, 3), PAPER, np.uint8), heights, SPEC, np.random.default_rng(seed)
        )[1]
    assert hidden[400:900].any() and not hidden[980:1020].any() and not hidden[:200].any()


def test_stretches_are_the_runs_of_a_tenth_of_a_second_or_more():
    hidden = np.zeros(400, bool)
    hidden[0:50] = hidden[100:149] = hidden[300:400] = True
    assert list(stretches(hidden)) == [slice(0, 50), slice(300, 400)]
