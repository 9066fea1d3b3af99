"""Out-of-fold reading: no weights see the record they read, and a run that was stopped goes on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ecgpipe.competition.dataset import Dataset
from ecgpipe.page.geometry import FrameSpec, PageMap, Raster
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.cross_validate import _flat, read_out_of_fold
from ecgpipe.pipeline.readings import Reading, folders_of
from ecgpipe.pipeline.samples import StoredFrames, rectified_pages
from ecgpipe.pipeline.traces import read_traces
from ecgpipe.pipeline.train import FineTune
from ecgpipe.rectify.frames import Frame, shard_path, write_shard
from ecgpipe.trace.strips import StripSpec
from ecgpipe.training.architectures import build_model
from ecgpipe.training.export import save_model
from tests.records import RECORDS, small_dataset

SPEC = FrameSpec(raster=Raster(50, 20))  # small: reading is quick, and what is read does not matter


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return small_dataset(tmp_path / "raw")


@pytest.fixture
def frames(tmp_path) -> Path:
    """A frame store of two kinds of each record, on bent paper."""
    picture = np.full((100, 120, 3), 230, np.uint8)
    frame = Frame.cut(picture, PageMap.from_function(KIT, lambda mm: mm * 0.4 + np.sin(mm[:, ::-1] / 30)), SPEC)
    folder = tmp_path / "frames"
    for record in RECORDS:
        write_shard(shard_path(folder, record.id), {"0001": frame, "0005": frame})
    rows = [(record.id, kind, "rectified") for record in RECORDS for kind in ("0001", "0005")]
    table = pd.DataFrame([*rows, ("2", "0006", "not found")], columns=["id", "kind", "status"])
    table.to_csv(folder / "pages.csv", index=False)
    return folder


class Untrained(FineTune):
    """Writes a network as it came, and remembers what it was to be trained on."""

    trainings: list[list] = []  # noqa: RUF012, emptied by each test
    saved: Path

    def __call__(self, samples: StoredFrames, weights: Path) -> None:
        self.trainings.append(samples.pages)
        for file in self.saved.parent.glob(f"{self.saved.stem}.*"):
            shutil.copy(file, weights.with_suffix(file.suffix))


@pytest.fixture(scope="module")
def untrained(params, tmp_path_factory) -> Path:
    """The weights (.safetensors) of a network as it comes."""
    path = tmp_path_factory.mktemp("untrained") / "w.safetensors"
    spec = StripSpec(SPEC, params.model.half_height_mv)
    network = build_model("unet", "tiny", spec.samples_per_px)
    save_model(path, network, architecture="unet", size="tiny", spec=spec, about={})
    return path


@pytest.fixture
def fine_tune(params, untrained) -> Untrained:
    Untrained.trainings, Untrained.saved = [], untrained
    return Untrained(SPEC, params.model, params.loss, replace(params.train, weights="none"))


@pytest.fixture
def split(frames) -> pd.DataFrame:
    """One page of each record, each in a fold of its own."""
    pages = rectified_pages(frames)
    return pages[pages["kind"] == "0005"].assign(fold=[0, 1])


def test_samples_are_the_rectified_pages_with_their_records_truth(frames, dataset):
    samples = StoredFrames(rectified_pages(frames), frames, dataset, SPEC)
    assert samples.pages == [("1", "0001"), ("1", "0005"), ("2", "0001"), ("2", "0005")]
    assert (samples[3].kind, samples[3].fs_hz, samples[3].truth.shape) == ("0005", 250, (12, 2500))
    assert samples[3].frame.shape == (*SPEC.shape, 3)


def test_every_page_is_read_by_weights_that_never_saw_its_record(tmp_path, split, frames, dataset, fine_tune):
    scores_db = list(read_out_of_fold(split, frames, dataset, fine_tune, tmp_path / "oof", tmp_path / "scratch"))
    assert len(scores_db) == 2 and np.isfinite(scores_db).all()
    assert fine_tune.trainings == [[("2", "0005")], [("1", "0005")]]
    assert set(read_traces(tmp_path / "oof" / "2.npz")) == {"0005"}


def test_a_stopped_run_goes_on_at_the_next_fold_and_leaves_nothing_behind(tmp_path, split, frames, dataset, fine_tune):
    work = (split, frames, dataset)
    places = (tmp_path / "oof", tmp_path / "scratch")
    stopped = read_out_of_fold(*work, fine_tune, *places)
    next(stopped)
    stopped.close()
    assert len(fine_tune.trainings) == 1 and not places[0].exists()
    assert len(list(read_out_of_fold(*work, fine_tune, *places))) == 2
    assert len(fine_tune.trainings) == 2 and not any(places[1].iterdir())


def test_a_stopped_run_with_other_settings_starts_anew(tmp_path, split, frames, dataset, fine_tune):
    work = (split, frames, dataset)
    places = (tmp_path / "oof", tmp_path / "scratch")
    next(read_out_of_fold(*work, fine_tune, *places))
    other = replace(fine_tune, train=replace(fine_tune.train, learning_rate=1.0))
    assert len(list(read_out_of_fold(*work, other, *places))) == 2
    assert len(fine_tune.trainings) == 3


def test_folds_are_read_in_every_way_asked_for_and_not_taken_from_a_run_without(
    tmp_path, split, frames, dataset, fine_tune
):
    work, scratch = (split, frames, dataset, fine_tune), tmp_path / "scratch"
    ways = (Reading(), Reading(flips="both"))
    next(read_out_of_fold(*work, tmp_path / "oof", scratch))
    assert len(list(read_out_of_fold(*work, tmp_path / "oof", scratch, ways))) == 2
    assert len(fine_tune.trainings) == 3
    for record in ("1", "2"):
        plain, flipped = (read_traces(place / f"{record}.npz") for place in folders_of(ways, tmp_path / "oof").values())
        assert all(not np.array_equal(flipped[kind].mv, plain[kind].mv) for kind in plain)


def test_a_run_whose_first_folds_are_poor_ends_with_them(tmp_path, split, frames, dataset, fine_tune):
    work, scratch = (split, frames, dataset, fine_tune), tmp_path / "scratch"
    poor = list(read_out_of_fold(*work, tmp_path / "poor", scratch, give_up_below_db=[100.0, 100.0]))
    assert len(poor) == 1 and [path.name for path in (tmp_path / "poor").iterdir()] == ["1.npz"]
    assert not any(scratch.iterdir())
    whole = list(read_out_of_fold(*work, tmp_path / "whole", scratch, give_up_below_db=[-100.0]))
    assert len(whole) == 2 and whole[0] == poor[0]


def test_a_page_that_lies_flat_is_read_in_its_picture_too(tmp_path):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (880, 1140, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "flat.png")
    flat = Frame.cut(picture, PageMap.from_function(KIT, lambda mm: mm * 4.0), SPEC)
    page = _flat(tmp_path / "flat.png", flat)
    assert page is not None and page.light.max(axis=0).size > 1000
    bent = Frame.cut(picture, PageMap.from_function(KIT, lambda mm: mm * 4.0 + np.sin(mm[:, ::-1] / 30)), SPEC)
    assert _flat(tmp_path / "not there.png", bent) is None
