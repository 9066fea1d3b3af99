"""What out-of-fold readings decide, and test pictures that show no page."""

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import LeadOptions
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import KIT
from ecgpipe.params import Postprocess
from ecgpipe.pipeline.postprocess import candidate_metrics, candidates, choose, digitize_test, score_candidates
from ecgpipe.pipeline.traces import write_traces
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from tests.records import RECORDS, series_of, small_dataset

PLAIN, MERGED = LeadOptions(), LeadOptions(merge_rhythm=True)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return small_dataset(tmp_path / "raw")


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (Postprocess(limb_lead_residual_mv=0.0, merge_rhythm=False, workers=1), {PLAIN}),
        (Postprocess(limb_lead_residual_mv=0.0, merge_rhythm=True, workers=1), {PLAIN, MERGED}),
        (
            Postprocess(limb_lead_residual_mv=0.1, merge_rhythm=True, workers=1),
            {PLAIN, MERGED, LeadOptions(False, 0.1), LeadOptions(True, 0.1)},
        ),
    ],
)
def test_params_say_what_may_be_used(allowed, expected):
    assert set(candidates(allowed)) == expected


@pytest.mark.parametrize(("spoilt_row", "best"), [(1, PLAIN), (3, MERGED)])
def test_out_of_fold_readings_say_what_is_used(tmp_path, dataset, spoilt_row, best):
    """Noise in the short row of lead II makes merging harmful, noise in the rhythm strip makes it useful."""
    for record in RECORDS:
        mv = row_series(series_of(int(record.id), record.sig_len), record.fs, KIT)
        mv[spoilt_row] += np.random.default_rng(0).normal(0, 0.3, mv.shape[1])
        write_traces(tmp_path / f"{record.id}.npz", {"0001": Traces(mv, np.full_like(mv, 0.1))})
    assert choose(score_candidates(tmp_path, dataset, [PLAIN, MERGED])) == best


def test_of_equal_candidates_the_first_is_chosen():
    assert choose({PLAIN: 20.0, MERGED: 20.0}) == PLAIN


def test_the_score_shown_first_is_that_of_the_choice_with_the_plain_one_beside_it():
    pages = pd.DataFrame({"status": ["digitized", "not digitized"]})
    metrics = candidate_metrics({PLAIN: 20.0, MERGED: 21.0}, MERGED, pages)
    assert sorted(metrics)[:4] == ["not_digitized", "pages", "snr_db/all", "snr_db/all_plain"]
    assert (metrics["snr_db/all"], metrics["snr_db/all_plain"]) == (21.0, 20.0)
    assert (metrics["pages"], metrics["not_digitized"]) == (2, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_test_picture_without_a_page_is_written_as_unseen(tmp_path, dataset, workers):
    path = dataset.test_image_path("9")
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((300, 400, 3), 255, np.uint8))
    (page,) = digitize_test(Digitizer, dataset, FrameSpec(), tmp_path / "out", workers)
    assert page["status"] == "not digitized" and page["reason"]
    written = pd.read_csv(tmp_path / "out" / "9.csv")
    assert written.shape == (10250, 12) and written.isna().all(axis=None)
