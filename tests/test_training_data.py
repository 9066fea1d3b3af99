"""What a reader is taught from: each row's truth where it stands on the paper, and crops that keep it in step."""

import numpy as np
import pytest

from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.trace.strips import FS_HZ, PAPER, StripSpec
from ecgpipe.training.data import FrameSample, random_crop, row_series, strips_of
from tests.drawn import SMALL_FRAME, drawn_frame, wave

SMALL = StripSpec(SMALL_FRAME)
ROWS, SAMPLES = SMALL.rows, SMALL.samples


@pytest.fixture(scope="module")
def sample():
    truth = wave(np.random.default_rng(1))
    frame = drawn_frame(row_series(truth, FS_HZ, KIT), SMALL_FRAME)
    return FrameSample(frame, np.ones(SMALL_FRAME.shape, bool), mask_windows(truth), FS_HZ, "0001")


def test_rows_join_the_quarters_of_their_leads():
    series = wave(np.random.default_rng(0))
    rows = row_series(mask_windows(series), FS_HZ, KIT)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[0, 1300:2400], series[LEADS.index("aVR"), 1300:2400], atol=1e-5)
    np.testing.assert_allclose(rows[3], series[LEADS.index("II")], atol=1e-5)


def test_truth_at_another_rate_is_brought_to_500_hz():
    t_in, t_out = np.arange(10250) / 1025, np.arange(SAMPLES) / FS_HZ
    rows = row_series(mask_windows(np.tile(np.sin(9 * t_in), (12, 1))), 1025, KIT)
    np.testing.assert_allclose(rows, np.tile(np.sin(9 * t_out), (ROWS, 1)), atol=1e-4)


def test_unknown_truth_stays_unknown():
    truth = wave(np.random.default_rng(0))
    truth[LEADS.index("I"), 100:200] = np.nan
    unknown = np.isnan(row_series(truth, FS_HZ, KIT)[0])
    assert unknown[100:200].all() and unknown.sum() < 105


@pytest.mark.parametrize("seed", range(6))  # among them each flip
def test_a_crop_takes_its_heights_along_however_it_is_flipped(seed, sample):
    image, heights = random_crop(strips_of(sample, SMALL), 2, 64, 4, np.random.default_rng(seed))
    assert image.shape == (SMALL.height, 64, 3) and heights.shape == (64 * SMALL.samples_per_px,)
    ink = np.clip(PAPER - 30.0 - image.mean(axis=2), 0, None)
    ink[np.abs(np.arange(SMALL.height) - SMALL.height / 2) > 30] = 0  # the next row's
    centre = (ink * np.arange(SMALL.height)[:, None]).sum(axis=0) / ink.sum(axis=0).clip(1e-9)
    truth = heights[:: SMALL.samples_per_px]
    known = np.isfinite(truth) & (ink.sum(axis=0) > 0)
    assert np.median(np.abs(centre - truth)[known]) < 0.15
