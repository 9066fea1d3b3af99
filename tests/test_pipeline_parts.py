"""What the stages call, on data small enough to make by hand: failed pages, resuming, choosing, submitting."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import Dataset, Record, write_signal
from ecgpipe.competition.windows import window_mask
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.export import write_csv
from ecgpipe.digitize.leads import LeadOptions
from ecgpipe.page.geometry import FrameSpec, PageMap, Raster
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.params import Postprocess, load_params
from ecgpipe.pipeline.cross_validate import read_out_of_fold
from ecgpipe.pipeline.postprocess import candidate_metrics, candidates, choose, digitize_test, score_candidates
from ecgpipe.pipeline.preprocess import (
    Forecast,
    RectifiedRecord,
    example_frames,
    forecast_from,
    page_metrics,
    rectify_records,
)
from ecgpipe.pipeline.samples import StoredFrames, rectified_pages
from ecgpipe.pipeline.submit import build_submission, score_submission
from ecgpipe.pipeline.traces import read_traces, write_traces
from ecgpipe.pipeline.train import FineTune
from ecgpipe.rectify.frames import Frame, shard_path, write_shard
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.strips import StripSpec
from ecgpipe.training.architectures import build_model
from ecgpipe.training.data import row_series
from ecgpipe.training.export import save_model

ROOT = Path(__file__).parents[1]
SPEC = FrameSpec(raster=Raster(50, 20))  # small: reading is quick, and what is read does not matter
RECORDS = (Record("1", 500, 5000), Record("2", 250, 2500))
PLAIN, MERGED = LeadOptions(), LeadOptions(merge_rhythm=True)


def series_of(seed: int, sig_len: int) -> np.ndarray:
    """Smooth signals (12, sig_len) that differ by lead."""
    phase = np.random.default_rng(seed).uniform(0, 6, (len(LEADS), 1))
    return np.sin(2 * np.pi * 1.3 * np.arange(sig_len) / sig_len * 10 + phase)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """Two records with truth, no pictures, and one to submit whose truth is known."""
    dataset = Dataset(tmp_path / "raw")
    dataset.write_train_table(RECORDS)
    for record in RECORDS:
        write_signal(dataset.signal_path(record.id), series_of(int(record.id), record.sig_len), record.fs)
    dataset.write_test_table([Record("9", 1025, 10250)])
    write_signal(dataset.test_truth_path("9"), series_of(9, 10250), 1025)
    return dataset


# ---- preprocess


@pytest.fixture(scope="module")
def bad_pages(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """The frames' folder and the pages of a record whose two pictures show no ECG."""
    dataset = Dataset(tmp_path_factory.mktemp("bad") / "raw")
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    for kind, picture in (("0001", np.full_like(noise, 255)), ("0005", noise)):
        path = dataset.image_path("1", kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    folder = dataset.root.parent / "frames"
    (record,) = rectify_records(dataset, ["1"], folder, SPEC, workers=1, kept=folder.parent / "kept")
    return folder, record.pages


def test_pages_that_fail_are_rows_with_a_reason_and_not_fatal(bad_pages):
    folder, pages = bad_pages
    assert pages["status"].tolist() == ["not readable", "not found"] and pages["reason"].str.len().min() > 10
    assert shard_path(folder, "1").is_file()
    assert page_metrics(pages) == {
        "pages": 2,
        "not_rectified": 2,
        "rectified_share/all": 0.0,
        "rectified_share/kind_0001": 0.0,
        "rectified_share/kind_0005": 0.0,
    }


def test_a_data_set_without_any_page_is_an_error_with_the_first_reason(bad_pages):
    with pytest.raises(DataError, match=r"none of 2 pages was rectified, the first because: .*0001"):
        example_frames(*bad_pages, SPEC)


def test_excluded_pages_are_left_out_named_and_not_counted(tmp_path):
    dataset = Dataset(tmp_path / "raw")
    for kind in ("0001", "0005"):
        path = dataset.image_path("1", kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((300, 400, 3), 255, np.uint8))

    def statuses(*excluded: tuple[str, str]) -> pd.DataFrame:
        (record,) = rectify_records(dataset, ["1"], tmp_path / "frames", SPEC, 1, tmp_path / "kept", excluded)
        return record.pages

    pages = statuses(("1", "0005"), ("2", ""))
    assert pages["status"].tolist() == ["not readable", "excluded"]
    assert page_metrics(pages)["pages"] == 1
    assert statuses()["status"].tolist() == ["not readable"] * 2, "kept frames of another choice are not taken"
    assert statuses(("1", ""))["status"].tolist() == ["excluded"] * 2


def test_cost_is_forecast_from_the_first_frames_and_a_full_disk_stops_it(bad_pages):
    folder, pages = bad_pages
    size = shard_path(folder, "1").stat().st_size
    forecast = forecast_from([RectifiedRecord(pages, "key", reused=False)], folder, 3.0)
    assert forecast.scaled_to(8793) == Forecast(8793, size * 8793 / 2, 3.0 * 8793 / 2)
    assert str(Forecast(8793, 9e9, 7200)) == "8,793 pages: about 9.00 GB, 120 min"
    assert forecast_from([RectifiedRecord(pages, "key", reused=True)], folder, 3.0).seconds is None
    forecast.check(size)
    with pytest.raises(DataError, match=r"found 0.00 GB free, expected room for 2 pages: about 0.00 GB, 0 min; lower"):
        forecast.check(0)


def test_the_default_for_the_full_set_fits_twenty_gigabytes_with_the_copy_that_dvc_makes():
    quality = load_params(ROOT / "params.yaml").preprocess.jpeg_quality
    page_bytes = 1.05e6 * 1.02  # measured at quality 80, docs/log.md; nodes are the 2 %
    assert quality == 80 and 2 * 8793 * page_bytes < 20e9


# ---- cross_validate


@pytest.fixture
def frames(tmp_path) -> Path:
    """A frame store of two kinds of each record."""
    picture = np.full((100, 120, 3), 230, np.uint8)
    frame = Frame.cut(picture, PageMap.from_function(KIT, lambda mm: mm * 0.4), SPEC)
    folder = tmp_path / "frames"
    for record in RECORDS:
        write_shard(shard_path(folder, record.id), {"0001": frame, "0005": frame})
    rows = [(record.id, kind, "rectified") for record in RECORDS for kind in ("0001", "0005")]
    table = pd.DataFrame([*rows, ("2", "0006", "not found")], columns=["id", "kind", "status"])
    table.to_csv(folder / "pages.csv", index=False)
    return folder


class Untrained(FineTune):
    """Writes a network as it comes, and remembers what it was to be trained on."""

    trainings: list[list] = []  # noqa: RUF012, emptied by each test

    def __call__(self, samples: StoredFrames, weights: Path) -> None:
        self.trainings.append(samples.pages)
        spec = StripSpec(self.frame, self.model.half_height_mv)
        network = build_model("unet", "tiny", spec.samples_per_px)
        save_model(weights, network, architecture="unet", size="tiny", spec=spec, about={})


@pytest.fixture
def fine_tune() -> Untrained:
    Untrained.trainings = []
    params = load_params(ROOT / "params.yaml")
    return Untrained(SPEC, params.model, params.loss, replace(params.train, weights="none"))


def test_samples_are_the_rectified_pages_with_their_records_truth(frames, dataset):
    samples = StoredFrames(rectified_pages(frames), frames, dataset, SPEC)
    assert samples.pages == [("1", "0001"), ("1", "0005"), ("2", "0001"), ("2", "0005")]
    assert (samples[3].kind, samples[3].fs_hz, samples[3].truth.shape) == ("0005", 250, (12, 2500))
    assert samples[3].frame.shape == (*SPEC.shape, 3)


@pytest.fixture
def split(frames) -> pd.DataFrame:
    """One page of each record, each in a fold of its own."""
    pages = rectified_pages(frames)
    return pages[pages["kind"] == "0005"].assign(fold=[0, 1])


def test_every_page_is_read_by_weights_that_never_saw_its_record(tmp_path, split, frames, dataset, fine_tune):
    assert list(read_out_of_fold(split, frames, dataset, fine_tune, tmp_path / "oof", tmp_path / "scratch")) == [0, 1]
    assert fine_tune.trainings == [[("2", "0005")], [("1", "0005")]]
    assert set(read_traces(tmp_path / "oof" / "2.npz")) == {"0005"}


def test_a_stopped_run_goes_on_at_the_next_fold_and_leaves_nothing_behind(tmp_path, split, frames, dataset, fine_tune):
    work = (split, frames, dataset)
    places = (tmp_path / "oof", tmp_path / "scratch")
    stopped = read_out_of_fold(*work, fine_tune, *places)
    next(stopped)
    stopped.close()
    assert len(fine_tune.trainings) == 1 and not places[0].exists()
    assert list(read_out_of_fold(*work, fine_tune, *places)) == [0, 1]
    assert len(fine_tune.trainings) == 2 and not any(places[1].iterdir())


def test_a_stopped_run_with_other_settings_starts_anew(tmp_path, split, frames, dataset, fine_tune):
    work = (split, frames, dataset)
    places = (tmp_path / "oof", tmp_path / "scratch")
    next(read_out_of_fold(*work, fine_tune, *places))
    other = replace(fine_tune, train=replace(fine_tune.train, learning_rate=1.0))
    assert list(read_out_of_fold(*work, other, *places)) == [0, 1]
    assert len(fine_tune.trainings) == 3


def test_folds_are_read_with_the_flips_asked_for_and_not_taken_from_a_run_without(
    tmp_path, split, frames, dataset, fine_tune
):
    work, scratch = (split, frames, dataset, fine_tune), tmp_path / "scratch"
    next(read_out_of_fold(*work, tmp_path / "flipped", scratch))
    assert list(read_out_of_fold(*work, tmp_path / "flipped", scratch, "both")) == [0, 1]
    assert list(read_out_of_fold(*work, tmp_path / "plain", tmp_path / "other")) == [0, 1]
    flipped, plain = (read_traces(tmp_path / name / "1.npz") for name in ("flipped", "plain"))
    assert all(not np.array_equal(flipped[kind].mv, plain[kind].mv) for kind in plain)


# ---- postprocess


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


# ---- submit


def test_what_a_picture_did_not_show_is_submitted_as_zero(tmp_path, dataset):
    series = np.where(window_mask(10250), series_of(9, 10250), np.nan)
    series[LEADS.index("II"), :100] = np.nan
    write_csv(tmp_path / "9.csv", series)
    submission = build_submission(dataset, tmp_path).set_index("id")["value"]
    assert (submission[[f"9_{sample}_II" for sample in range(100)]] == 0).all()
    assert submission["9_100_II"] == pytest.approx(series[LEADS.index("II"), 100], abs=1e-4)


def test_a_submission_without_known_truth_has_no_score(tmp_path, dataset):
    write_csv(tmp_path / "9.csv", np.zeros((12, 10250)))
    build_submission(dataset, tmp_path).to_csv(tmp_path / "submission.csv", index=False)
    metrics, pages = score_submission(dataset, tmp_path / "submission.csv")
    assert "snr_db/all" in metrics and len(pages) == 1
    dataset.test_truth_path("9").unlink()
    metrics, pages = score_submission(dataset, tmp_path / "submission.csv")
    assert metrics == {"rows": dataset.test_table()["number_of_rows"].sum(), "records": 1} and pages.empty
