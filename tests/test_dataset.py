"""The synthetic data set and the local one: the competition's layout, truth on the trace, the same bytes every time."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import wfdb

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import Dataset, read_signal, read_submission, submission_ids
from ecgpipe.competition.windows import lead_slice
from ecgpipe.page.layout import KIT, LEADS, Window
from ecgpipe.pipeline.sources import fetch
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.dataset import write_dataset


@pytest.fixture
def tiny(params):
    """The parameters of `tiny_dataset`."""
    return replace(params.data, train_records=1, test_records=1, kinds=("0001",), turned_share=0.0, workers=1)


def only_record(dataset: Dataset):
    (record,) = dataset.train_records()
    return record


def tree(root) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# ---- synthetic


def test_the_folder_has_the_competitions_layout(tiny_dataset):
    assert sorted(tree(tiny_dataset.root)) == [
        "sample_submission.parquet",
        "test.csv",
        "test/20000000.png",
        "test_truth/20000000.csv",
        "train.csv",
        "train/10000000/10000000-0001.png",
        "train/10000000/10000000.csv",
    ]
    sample = read_submission(tiny_dataset.sample_submission_path)
    assert sample["id"].tolist() == submission_ids(tiny_dataset.test_table())


def darkness(page: np.ndarray, series: np.ndarray, window: Window, late_px: float = 0.0) -> np.ndarray:
    """Grey level of the page under each sample of one printed window, the separators at its ends left out."""
    samples = slice(round(window.start_s * len(series) / 10) + 20, round(window.stop_s * len(series) / 10) - 20)
    t_s = np.arange(len(series))[samples] * 10 / len(series)
    x_mm, y_mm = KIT.x_mm(window, t_s), KIT.y_mm(window, series[samples])
    x, y = (np.float32(mm * PX_PER_MM - 0.5)[None] for mm in (x_mm, y_mm))
    return cv2.remap(page, x + np.float32(late_px), y, cv2.INTER_LINEAR)[0]


@pytest.mark.parametrize("window", KIT.windows, ids=lambda window: f"{window.lead}, row {window.row}")
def test_the_truth_lies_on_the_printed_trace(tiny_dataset, window):
    record = only_record(tiny_dataset)
    page = cv2.imread(str(tiny_dataset.image_path(record.id, "0001")), cv2.IMREAD_GRAYSCALE)
    series = read_signal(tiny_dataset.signal_path(record.id), record.sig_len)[LEADS.index(window.lead)]
    on_trace = np.median(darkness(page, series, window))
    assert on_trace < 60  # 54
    assert darkness(page, series, window).mean() + 25 < darkness(page, series, window, late_px=3.0).mean()


def test_a_record_keeps_its_bytes_whatever_its_neighbours_and_the_number_of_processes(tiny_dataset, tiny, tmp_path):
    more = replace(tiny, train_records=2, workers=2)
    write_dataset(tmp_path / "raw", more)
    before, after = tree(tiny_dataset.root), tree(tmp_path / "raw")
    assert {path for path in before if before[path] != after[path]} == {"train.csv"}
    assert {record.fs for record in Dataset(tmp_path / "raw").train_records()} == {250, 256}
    assert list(tmp_path.iterdir()) == [tmp_path / "raw"]


def test_another_seed_gives_other_signals_and_turned_pages_are_the_same_pages(tiny_dataset, tiny, tmp_path):
    write_dataset(tmp_path / "raw", replace(tiny, turned_share=1.0))
    record, other = only_record(tiny_dataset), Dataset(tmp_path / "raw")
    upright = cv2.imread(str(tiny_dataset.image_path(record.id, "0001")))
    turned = cv2.imread(str(other.image_path(record.id, "0001")))
    assert any(np.array_equal(np.rot90(upright, turn), turned) for turn in (1, 2, 3))
    write_dataset(tmp_path / "raw", replace(tiny, seed=2))
    assert other.signal_path(record.id).read_bytes() != tiny_dataset.signal_path(record.id).read_bytes()


@pytest.fixture
def wfdb_folder(tmp_path):
    """Two 12-lead records whose lead II is constant, 1 and 2 mV."""
    folder = tmp_path / "wfdb"
    folder.mkdir()
    for name, level_mv in (("one", 1.0), ("two", 2.0)):
        signal = np.full((5000, 12), level_mv)
        units, formats, gains = ["mV"] * 12, ["16"] * 12, [1000.0] * 12
        wfdb.wrsamp(
            name, 500, units, list(LEADS), signal, fmt=formats, adc_gain=gains, baseline=[0] * 12,
            write_dir=str(folder),
        )  # fmt: skip
    return folder


def test_signals_come_from_a_wfdb_folder_each_record_once(wfdb_folder, tiny, tmp_path):
    write_dataset(tmp_path / "raw", replace(tiny, signals=str(wfdb_folder)))
    dataset = Dataset(tmp_path / "raw")
    (train,), (test,) = dataset.train_records(), dataset.test_ids()
    truths = [read_signal(dataset.signal_path(train.id)), read_signal(dataset.test_truth_path(test))]
    levels = [truth[1, lead_slice("II", truth.shape[1])] for truth in truths]
    assert sorted(level.mean().round(3) for level in levels) == [1.0, 2.0]


def test_a_failed_fetch_leaves_the_old_data_and_nothing_else(wfdb_folder, tiny, dataset_copy):
    before = tree(dataset_copy.root)
    with pytest.raises(DataError, match=r"data\.signals: found 2 WFDB records .*, expected at least 4, the sum of"):
        fetch(replace(tiny, signals=str(wfdb_folder), train_records=3), dataset_copy.root)
    assert tree(dataset_copy.root) == before
    assert sorted(path.name for path in dataset_copy.root.parent.iterdir()) == ["raw", "wfdb"]


# ---- local


def test_a_local_folder_is_taken_as_it_is_but_for_files_of_others(tiny, dataset_copy, tmp_path):
    expected = tree(dataset_copy.root)
    (dataset_copy.root / "notes.txt").write_text("not the competition's")
    fetch(replace(tiny, source="local", folder=str(dataset_copy.root)), tmp_path / "fetched")
    assert tree(tmp_path / "fetched") == expected


def test_a_local_folder_on_another_disk_is_copied(tiny, dataset_copy, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    fetch(replace(tiny, source="local", folder=str(dataset_copy.root)), tmp_path / "fetched")
    assert tree(tmp_path / "fetched") == tree(dataset_copy.root)


def test_a_local_folder_without_test_truth_will_do(tiny, dataset_copy, tmp_path):
    shutil.rmtree(dataset_copy.test_truth_folder)
    fetch(replace(tiny, source="local", folder=str(dataset_copy.root)), tmp_path / "fetched")
    assert not (tmp_path / "fetched" / "test_truth").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "paired"}, "data.source: found 'paired', which has a pipeline of its own; run `dvc"),
        ({"source": "local"}, "data.folder: found null, expected a folder in the competition's layout"),
        ({"source": "local", "folder": "/nowhere"}, "data.folder: /nowhere is no folder, expected one in the"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_had_is_an_error(tiny, tmp_path, changes, message):
    with pytest.raises(DataError) as error:
        fetch(replace(tiny, **changes), tmp_path / "raw")
    assert str(error.value).startswith(message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["train.csv", "test.csv", "test/20000000.png", "train/10000000/10000000.csv"])
def test_a_local_folder_that_lacks_a_file_is_named_with_it(tiny, dataset_copy, tmp_path, name):
    (dataset_copy.root / name).unlink()
    with pytest.raises(DataError, match=name):
        fetch(replace(tiny, source="local", folder=str(dataset_copy.root)), tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("below", ["", "train"])
def test_a_local_folder_inside_the_one_to_fill_is_refused(tiny, dataset_copy, below):
    with pytest.raises(DataError, match="expected a folder outside it"):
        fetch(replace(tiny, source="local", folder=str(dataset_copy.root / below)), dataset_copy.root)
    assert pd.read_csv(dataset_copy.train_table_path).shape == (1, 3)
