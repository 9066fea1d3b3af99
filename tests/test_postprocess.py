"""What out-of-fold readings decide, and test pictures that show no page."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import LeadOptions
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.candidates import Choice, Gain, Tried, choose, steps
from ecgpipe.pipeline.postprocess import digitize_test, gain_metrics, page_snrs, save_choice
from ecgpipe.pipeline.readings import Reading, readings
from ecgpipe.pipeline.traces import write_traces
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from tests.candidates import READ, TRIED
from tests.records import RECORDS, series_of, small_dataset


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return small_dataset(tmp_path / "raw")


def written(folder: Path, spoilt_row: int, noise_mv: float = 0.3) -> None:
    """The traces of both records, with noise in one row."""
    folder.mkdir(exist_ok=True)
    for record in RECORDS:
        mv = row_series(series_of(int(record.id), record.sig_len), record.fs, KIT)
        mv[spoilt_row] += np.random.default_rng(0).normal(0, noise_mv, mv.shape[1])
        write_traces(folder / f"{record.id}.npz", {"0001": Traces(mv, np.full_like(mv, 0.1))})


@pytest.mark.parametrize(("spoilt_row", "merged"), [(1, False), (3, True)])
def test_out_of_fold_readings_say_what_is_used(tmp_path, dataset, spoilt_row, merged):
    """Noise in the short row of lead II makes merging harmful, noise in the rhythm strip makes it useful."""
    written(tmp_path, spoilt_row)
    allowed = {"merge": steps(READ, TRIED)["merge"]}
    choice, (tried,) = choose(Choice(Reading()), allowed, page_snrs(tmp_path, dataset, [Reading()]), 2.0)
    assert choice.leads.merge_rhythm is tried.taken is merged
    assert (tried.gain.db > 0) is merged


def test_of_several_ways_to_read_each_is_scored_by_its_own_traces(tmp_path, dataset):
    ways = readings(replace(READ, try_flips=("both",)))
    written(tmp_path, spoilt_row=0)
    written(tmp_path / ways[1].name, spoilt_row=0, noise_mv=0.1)
    choice, _ = choose(
        Choice(ways[0]),
        steps(replace(READ, try_flips=("both",)), replace(TRIED, merge_rhythm=False)),
        page_snrs(tmp_path, dataset, ways),
        2.0,
    )
    assert choice.reading.flips == "both"


def test_the_score_shown_first_is_that_of_the_choice_with_the_plain_one_beside_it():
    pages = pd.DataFrame({"status": ["digitized", "not digitized"]})
    tried = [Tried("merge", "rhythm", Gain(1.0, 0.25), True), Tried("laws", "1_mv", Gain(-0.5, math.inf), False)]
    metrics = gain_metrics(pd.Series([100.0]), pd.Series([10.0]), tried, pages)
    assert sorted(metrics)[-4:] == ["not_digitized", "pages", "snr_db/all", "snr_db/all_plain"]
    assert (metrics["snr_db/all"], metrics["snr_db/all_plain"]) == (20.0, 10.0)
    assert (metrics["gain_db/merge/rhythm"], metrics["gain_error_db/merge/rhythm"]) == (1.0, 0.25)
    assert metrics["gain_db/laws/1_mv"] == -0.5 and "gain_error_db/laws/1_mv" not in metrics
    assert (metrics["pages"], metrics["not_digitized"]) == (2, 1)


def test_the_choice_is_stored_whole(tmp_path):
    save_choice(tmp_path / "choice.json", Choice(Reading(("a", "b"), "both"), LeadOptions(wander_hz=0.5)))
    stored = json.loads((tmp_path / "choice.json").read_text())
    assert stored["reading"] == {"weights": ["a", "b"], "flips": "both"}
    assert LeadOptions(**stored["leads"]) == LeadOptions(wander_hz=0.5)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_test_picture_without_a_page_is_written_as_unseen(tmp_path, dataset, workers):
    path = dataset.test_image_path("9")
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((300, 400, 3), 255, np.uint8))
    (page,) = digitize_test(Digitizer, dataset, FrameSpec(), tmp_path / "out", workers)
    assert page["status"] == "not digitized" and page["reason"]
    written = pd.read_csv(tmp_path / "out" / "9.csv")
    assert written.shape == (10250, 12) and written.isna().all(axis=None)
