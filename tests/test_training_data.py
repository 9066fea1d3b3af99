"""What a reader is taught from: each row's truth where it stands on the paper, and crops that keep it in step."""

import numpy as np
import pytest

from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.trace.strips import FS_HZ, PAPER, StripSpec
from ecgpipe.training.data import Augmentation, FrameSample, altered, random_crop, row_series, strips_of
from tests.drawn import SMALL_FRAME, drawn_frame, wave
from tests.layouts import each_layout, waves

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
    np.testing.assert_allclose(rows[0, 1300:2400], series[LEADS.index("aVR"), 1300:2400], atol=1e-7)
    np.testing.assert_allclose(rows[3], series[LEADS.index("II")], atol=1e-7)


def test_truth_at_another_rate_is_brought_to_500_hz():
    t_in, t_out = np.arange(10250) / 1025, np.arange(SAMPLES) / FS_HZ
    rows = row_series(mask_windows(np.tile(np.sin(9 * t_in), (12, 1))), 1025, KIT)
    np.testing.assert_allclose(rows, np.tile(np.sin(9 * t_out), (ROWS, 1)), atol=1e-6)


def test_unknown_truth_stays_unknown():
    truth = wave(np.random.default_rng(0))
    truth[LEADS.index("I"), 100:200] = np.nan
    unknown = np.isnan(row_series(truth, FS_HZ, KIT)[0])
    assert unknown[100:200].all() and unknown.sum() == 100


@pytest.mark.parametrize("seed", range(6))  # among them each flip
def test_a_crop_takes_its_heights_along_however_it_is_flipped(seed, sample):
    image, heights = random_crop(strips_of(sample, SMALL), 2, 64, 4, np.random.default_rng(seed))
    assert image.shape == (SMALL.height, 64, 3) and heights.shape == (64 * SMALL.samples_per_px,)
    ink = np.clip(PAPER - 30.0 - image.mean(axis=2), 0, None)
    ink[np.abs(np.arange(SMALL.height) - SMALL.height / 2) > 30] = 0  # the next row's
    centre = (ink * np.arange(SMALL.height)[:, None]).sum(axis=0) / ink.sum(axis=0).clip(1e-9)
    truth = heights[:: SMALL.samples_per_px]
    known = np.isfinite(truth) & (ink.sum(axis=0) > 0)
    assert np.median(np.abs(centre - truth)[known]) < 0.1  # 0.03 to 0.09 over the six


def test_augmentation_may_be_switched_off_and_made_stronger(sample):
    image, heights = strips_of(sample, SMALL).images[0], np.arange(7.0)
    same, in_order = altered(image, heights, np.random.default_rng(1), Augmentation(0.0, 0.0))
    assert np.array_equal(same, image) and np.array_equal(in_order, heights)
    changes = [
        np.mean(
            [
                np.abs(altered(image, heights, np.random.default_rng(seed), how)[0] - image.astype(float)).mean()
                for seed in range(20)
            ]
        )
        for how in (Augmentation(0.0, 0.5), Augmentation(0.0, 1.0), Augmentation(0.0, 2.0))
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


# ---- any layout


@each_layout
def test_a_rows_truth_stands_where_the_paper_has_it(page):
    truth = waves(page)
    rows = row_series(truth, FS_HZ, page)
    assert rows.shape == (page.rows, round(page.printed_s * FS_HZ))
    printed = np.zeros(rows.shape, bool)
    for window in page.windows:
        t_s = window.start_s + np.arange(0.1, window.duration_s - 0.1, 0.1)
        at = np.rint((page.x_mm(window, t_s) - page.left_mm) / page.speed_mm_per_s * FS_HZ).astype(int)
        expected = np.interp(t_s, np.arange(truth.shape[1]) / FS_HZ, truth[LEADS.index(window.lead)])
        np.testing.assert_allclose(rows[window.row, at], expected * window.gain_ratio, atol=1e-6)
        printed[window.row, page.printed_samples(window, rows.shape[1])] = True
    np.testing.assert_array_equal(np.isfinite(rows), printed)


@each_layout
def test_the_heights_of_a_row_are_where_a_frame_shows_its_ink(page):
    spec = SMALL.on(page)
    rows = row_series(waves(page), FS_HZ, page)
    sample = FrameSample(drawn_frame(rows, spec.frame), np.ones(spec.frame.shape, bool), waves(page), FS_HZ)
    images, heights, _ = strips_of(sample, spec)
    columns = np.arange(spec.width)
    for row in range(page.rows):
        height = heights[row, columns * spec.samples_per_px]
        known = np.flatnonzero(np.isfinite(height))[5:-5]
        near = np.arange(spec.height)[:, None] - height[None, known]
        ink = np.where(np.abs(near) < 5, PAPER - images[row, :, known].mean(axis=-1).T.clip(0, PAPER), 0)
        middle = (ink * near).sum(axis=0) / ink.sum(axis=0).clip(1e-9)
        # median of each row of the eight layouts: 0.006 px at worst
        assert np.median(np.abs(middle)) < 0.01, page.name
