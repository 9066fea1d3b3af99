"""Frames of unchanged pictures are taken from an earlier run, bit for bit; of changed ones they are made anew."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecgpipe.base import cache
from ecgpipe.base.provenance import imported_files
from ecgpipe.competition.dataset import Dataset
from ecgpipe.page.geometry import FrameSpec, PageMap, Raster
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline import preprocess
from ecgpipe.pipeline.preprocess import kept_frames, rectify_records
from ecgpipe.rectify.frames import shard_path
from ecgpipe.rectify.rectifier import Rectified

SPEC = FrameSpec(raster=Raster(25, 10))


@dataclass
class Work:
    """Two records of one picture, and how often a picture was rectified."""

    dataset: Dataset
    folder: Path
    rectified: int = 0
    keys: list[str] = field(default_factory=list)

    def __call__(self, spec: FrameSpec = SPEC, records: tuple[str, ...] = ("1", "2")) -> list[bool]:
        """Preprocess into an emptied folder; which records were reused."""
        for path in (self.folder / "frames").glob("*"):
            path.unlink()
        self.rectified = 0
        done = list(rectify_records(self.dataset, records, self.folder / "frames", spec, 1, self.folder / "kept"))
        self.keys = [record.key for record in done]
        return [record.reused for record in done]

    def shards(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "frames").iterdir()}


def draw(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 60, 3), grey, np.uint8))


@pytest.fixture
def work(tmp_path, monkeypatch) -> Work:
    work = Work(Dataset(tmp_path / "raw"), tmp_path)
    for record in ("1", "2"):
        draw(work.dataset.image_path(record, "0001"), 100 + int(record))

    class Figures:
        def figures(self):
            return {"misfit_mm": 0.1 + 0.2, "turns": 1}

    def rectify(picture):
        work.rectified += 1
        return Rectified(PageMap.from_function(KIT, lambda mm: mm * 0.4), Figures())

    monkeypatch.setattr(preprocess, "read_picture", lambda path: cv2.imread(str(path)))
    monkeypatch.setattr(preprocess, "rectify", rectify)
    return work


def test_the_second_run_makes_nothing_anew_and_leaves_the_same_bytes(work):
    assert work() == [False, False] and work.rectified == 2
    first = work.shards()
    assert work() == [True, True] and work.rectified == 0
    assert work.shards() == first and len(first) == 2


def test_pages_come_back_as_they_were(work):
    runs = [list(rectify_records(work.dataset, ["1"], work.folder, SPEC, 1, work.folder / "kept")) for _ in range(2)]
    fresh, kept = (run[0].pages for run in runs)
    assert fresh.equals(kept) and kept["misfit_mm"].item() == 0.1 + 0.2


def test_a_changed_picture_costs_its_record_only(work):
    work()
    before = work.shards()
    draw(work.dataset.image_path("2", "0001"), 7)
    assert work() == [True, False] and work.rectified == 1
    after = work.shards()
    assert {name for name in after if after[name] != before[name]} == {"2.npz"}


def test_another_kind_more_is_another_record(work):
    work()
    draw(work.dataset.image_path("1", "0005"), 9)
    assert work() == [False, True]


def test_another_raster_makes_all_anew(work):
    work()
    assert work(FrameSpec(raster=Raster(50, 10))) == [False, False]


def test_other_code_makes_all_anew(work, monkeypatch):
    work()
    monkeypatch.setattr(cache, "code_hash", lambda *_: "edited")
    assert work() == [False, False]


def test_a_run_that_was_stopped_goes_on_where_it_was(work):
    work(records=("1",))
    kept = work.folder / "kept" / work.keys[0]
    kept.rename(kept.with_name(f".{kept.name}.17"))  # stopped before it was whole
    assert work() == [False, False]
    assert work() == [True, True]


def test_only_what_the_last_run_used_is_kept(work):
    work()
    old = work.keys[1]
    draw(work.dataset.image_path("2", "0001"), 7)
    work()
    kept_frames(work.folder / "kept").keep_only(work.keys)
    assert {path.name for path in (work.folder / "kept").iterdir()} == set(work.keys) and old not in work.keys


def test_frames_are_linked_not_copied(work):
    work()
    kept = work.folder / "kept" / work.keys[0] / "frames.npz"
    assert kept.samefile(shard_path(work.folder / "frames", "1"))
    assert work() == [True, True] and kept.samefile(shard_path(work.folder / "frames", "1"))


def test_a_frame_that_is_replaced_leaves_the_kept_one_alone(work):
    work()
    kept = work.folder / "kept" / work.keys[0]
    before = (kept / "frames.npz").read_bytes()
    preprocess.write_shard(shard_path(work.folder / "frames", "1"), {})
    assert (kept / "frames.npz").read_bytes() == before
    assert json.loads((kept / "pages.json").read_text())[0]["id"] == "1"


def test_the_key_covers_the_code_that_makes_frames_and_none_that_trains():
    files = {path.as_posix() for path in imported_files("ecgpipe.pipeline.preprocess")}
    parts = ("page/geometry", "rectify/frames", "rectify/rectifier", "rectify/picture", "pipeline/preprocess")
    assert {f"ecgpipe/{part}.py" for part in parts} <= files
    assert not [file for file in files if file.startswith(("ecgpipe/training", "ecgpipe/trace", "ecgpipe/kaggle"))]
