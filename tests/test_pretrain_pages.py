"""Pages for the long training: labels follow the ink, crops come in few shapes, and the same seed gives the same."""

from itertools import islice

import numpy as np
import pytest

from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import KIT
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.printer import Print
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.training.data import heights_of, row_series
from pretrain import pages
from pretrain.pages import SHAPES, CropStream, PageStream, Signals, held_out_pages, ink_px, make_crops

SPEC = StripSpec()
SIGNALS = Signals()
SERIES = simulate(np.random.default_rng(0))
TRUE_PX = heights_of(row_series(SERIES, FS_HZ, KIT), SPEC) + np.array([[SPEC.top(row)] for row in range(4)])
SHOWN = np.ones(SPEC.frame.shape, bool)
INNER = slice(3000, 3600)  # columns inside one window of each row


def constant_slip(dx_mm: float, dy_mm: float) -> PageMap:
    nodes = np.broadcast_to(np.float32([dx_mm, dy_mm]), lattice_mm(KIT, 10.0).shape)
    return PageMap(nodes.copy(), 10.0)


def test_ink_seen_through_an_exact_map_lies_where_its_truth_says():
    labels = ink_px(SERIES, Print.none(), constant_slip(0, 0), SHOWN, SPEC)
    known = np.isfinite(labels)
    assert known.sum() > 0.998 * np.isfinite(TRUE_PX).sum(), "all but the column between two windows"
    np.testing.assert_allclose(labels[known], TRUE_PX[known], atol=2e-4)


def test_ink_moves_against_the_slip_of_the_map():
    shown = SHOWN.copy()
    shown[:, :1000] = False
    labels = ink_px(SERIES, Print.none(), constant_slip(0.5, -0.25), shown, SPEC)  # looks 10 samples late, 2 px high
    np.testing.assert_allclose(labels[:, INNER], TRUE_PX[:, INNER.start + 10 : INNER.stop + 10] + 2, atol=2e-4)
    assert np.isnan(labels[:, :1800]).all()


def test_labels_follow_ink_that_the_printer_laid_beside_its_place():
    beside = Print(offset_mm=(0.05, 0.125))  # one sample late, one px low
    labels = ink_px(SERIES, beside, constant_slip(0, 0), SHOWN, SPEC)
    np.testing.assert_allclose(labels[:, INNER], TRUE_PX[:, INNER.start - 1 : INNER.stop - 1] + 1, atol=2e-4)


@pytest.mark.parametrize("seed", range(3))
def test_crops_of_a_page_are_of_one_shape_and_the_same_again(seed):
    first, again = (make_crops(SIGNALS, np.random.default_rng(seed), SPEC, 4) for _ in range(2))
    assert first.images.shape[1:3] in SHAPES and first.images.dtype == np.uint8
    assert first.heights.shape == (4, first.images.shape[2] * SPEC.samples_per_px)
    assert np.isfinite(first.heights).any()
    assert all(np.array_equal(a, b, equal_nan=a.dtype != np.uint8) for a, b in zip(first, again, strict=True))


def test_a_large_recording_is_no_larger_than_asked_and_begins_again_where_it_is_short(monkeypatch):
    monkeypatch.setattr(pages, "LARGE_SHARE", 1.0)
    series = SIGNALS.draw(np.random.default_rng(0), 25.0, most_mv=2.0)
    assert series.shape == (12, 15000) and np.abs(series).max() <= 2.0 + 1e-6
    np.testing.assert_array_equal(series[:, :5000], series[:, 5000:10000])


@pytest.mark.slow
def test_batches_mix_crops_of_one_shape():
    stream = CropStream(PageStream(SIGNALS, SPEC, crops_per_page=6, seed=1), batch_size=4, pool_pages=2, workers=0)
    for images, heights in islice(stream, 3):
        assert images.shape[1:3] in SHAPES and len(images) == len(heights) == 4


@pytest.mark.slow
def test_held_out_pages_are_whole_and_say_what_they_are():
    page, other = held_out_pages(SIGNALS, SPEC, 2, seed=5)
    for strips in (page, other):
        assert strips.images.ndim == 4 and strips.images.shape[2] % 32 == 0
        assert len(strips.images) == len(strips.heights) and strips.kind
