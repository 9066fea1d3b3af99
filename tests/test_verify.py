"""A sound data set passes; each way of spoiling one is found and named by file, found and expected."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import stages.download
import stages.verify
from ecgpipe.base.errors import DataError
from ecgpipe.competition import manifest
from ecgpipe.competition.dataset import Dataset, Record, read_signal, write_signal
from ecgpipe.verify.files import Report, verify
from ecgpipe.verify.suspects import read_excluded
from tests.conftest import REPOSITORY

RECORD, TEST_RECORD = "10000000", "20000000"


@pytest.fixture
def examine(dataset_copy, params) -> Callable[..., Report]:
    """Verifies the copy against its manifest from before it was spoilt, or against its present one."""
    before = manifest.build(dataset_copy.root)

    def run(*, against_present: bool = False) -> Report:
        expected = manifest.build(dataset_copy.root) if against_present else before
        return verify(dataset_copy.root, expected, params.verify)

    return run


def findings(report: Report) -> list[tuple[str, str]]:
    return [(finding.path, finding.problem) for finding in report.findings]


# ---- manifest


def test_a_manifest_lists_every_file_with_its_bytes_and_hash(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b").write_bytes(b"abc")
    (tmp_path / "a").write_bytes(b"")
    table = manifest.build(tmp_path)
    assert table.to_dict("records") == [
        {"path": "a", "bytes": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"path": "folder/b", "bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    ]


def test_a_manifest_reads_back(tiny_dataset, tmp_path):
    table = manifest.build(tiny_dataset.root)
    manifest.write(tmp_path / "manifest.csv", table)
    pd.testing.assert_frame_equal(manifest.read(tmp_path / "manifest.csv"), table)


def test_manifests_differ_by_what_was_added_removed_and_changed():
    before = pd.DataFrame({"path": ["a", "b", "c"], "bytes": [1, 2, 3], "sha256": ["1" * 64, "2" * 64, "3" * 64]})
    after = pd.DataFrame({"path": ["b", "c", "d"], "bytes": [2, 3, 4], "sha256": ["2" * 64, "4" * 64, "4" * 64]})
    assert manifest.changes(before, before).empty
    assert manifest.changes(before, after).values.tolist() == [
        ["a", "removed", "1 bytes of SHA-256 111111111111", "no such file"],
        ["c", "changed", "3 bytes of SHA-256 333333333333", "3 bytes of SHA-256 444444444444"],
        ["d", "added", "no such file", "4 bytes of SHA-256 444444444444"],
    ]


@pytest.mark.parametrize("text", [None, "", "path,bytes\na,1\n", "path,bytes,sha256\na,many,1\n"])
def test_a_file_that_is_no_manifest_is_an_error(tmp_path, text):
    path = tmp_path / "manifest.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=str(path)):
        manifest.read(path)


# ---- verify


def test_a_sound_data_set_has_no_findings(examine, tmp_path):
    report = examine()
    assert report.findings == ()
    assert report.counts["findings"] == 0
    assert report.counts["files"] == 7
    assert report.counts["pictures"] == 2
    assert report.counts["signals"] == 2
    assert report.counts["truth_values"] == 2 * (2500 + 11 * 625)
    report.raise_if_bad(advice="nothing to do")
    report.write_findings(tmp_path / "verify.csv")
    assert (tmp_path / "verify.csv").read_text() == "path,problem\n"


def test_the_summary_names_the_first_findings_and_what_to_do(dataset_copy, examine, tmp_path):
    os.truncate(dataset_copy.test_image_path(TEST_RECORD), 1000)
    report = examine()
    report.write_findings(tmp_path / "verify.csv")
    assert list(pd.read_csv(tmp_path / "verify.csv")["path"]) == [f"test/{TEST_RECORD}.png"] * 2
    with pytest.raises(DataError) as error:
        report.raise_if_bad(advice="fetch it anew")
    message = str(error.value)
    assert message.startswith(f"faults in the data: 2, first: test/{TEST_RECORD}.png: ") and "\n" not in message
    assert "found 1000 bytes of SHA-256" in message and message.endswith("; fetch it anew")


def test_a_changed_byte_is_found_though_all_is_in_form(dataset_copy, examine):
    path = dataset_copy.signal_path(RECORD)
    text = path.read_text()
    row = text.splitlines()[1]
    path.write_text(text.replace(row, row.replace("0.", "1.", 1), 1))
    ((name, problem),) = findings(examine())
    assert name == f"train/{RECORD}/{RECORD}.csv" and problem.startswith("changed: found ")


def truncate_picture(dataset: Dataset) -> None:
    path = dataset.image_path(RECORD, "0001")
    os.truncate(path, path.stat().st_size // 2)


def raise_amplitude(dataset: Dataset) -> None:
    table = pd.read_csv(dataset.signal_path(RECORD))
    table.loc[7, "II"] = -12.5
    table.to_csv(dataset.signal_path(RECORD), index=False, na_rep="NaN")


def blank_a_value(dataset: Dataset) -> None:
    table = pd.read_csv(dataset.signal_path(RECORD))
    table.loc[7, "II"] = np.nan
    table.to_csv(dataset.signal_path(RECORD), index=False, na_rep="NaN")


def drop_last_truth_row(dataset: Dataset) -> None:
    path = dataset.test_truth_path(TEST_RECORD)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def change_a_row_count(dataset: Dataset) -> None:
    path = dataset.test_table_path
    path.write_text(path.read_text().replace(",625", ",640", 1))


def drop_last_test_row(dataset: Dataset) -> None:
    path = dataset.test_table_path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def rename_record(dataset: Dataset) -> None:
    dataset.write_train_table([Record("7", 250, 2500)])


@pytest.mark.parametrize(
    ("spoil", "path", "problem"),
    [
        (truncate_picture, f"train/{RECORD}/{RECORD}-0001.png", "truncated or corrupt, cannot be decoded"),
        (raise_amplitude, f"train/{RECORD}/{RECORD}.csv", "lead II, row 7: found -12.5 mV, expected at most 10 mV"),
        (blank_a_value, f"train/{RECORD}/{RECORD}.csv", "lead II, row 7 (line 9): found nan, expected a number inside"),
        (drop_last_truth_row, f"test_truth/{TEST_RECORD}.csv", "every lead has 2499 rows, the last is row 2498"),
        (drop_last_test_row, "test.csv", f"record {TEST_RECORD}: found 11 rows, expected 12"),
        (drop_last_test_row, "sample_submission.parquet", "found 9375 rows with other ids than test.csv asks for"),
        (change_a_row_count, "test.csv", f"record {TEST_RECORD}, lead I: found 640 rows, expected 625 at its 250 Hz"),
        (lambda d: os.truncate(d.signal_path(RECORD), 1 << 24), f"train/{RECORD}/{RECORD}.csv", "found 16777216 bytes"),
        (lambda d: d.write_train_table([]), "train.csv", "found no row below the header, expected at least one"),
        (rename_record, f"train/{RECORD}/{RECORD}.csv", "found a file that train.csv and the competition's kinds"),
        (lambda d: d.train_table_path.unlink(), "train.csv", "no such file, expected a CSV table"),
        (lambda d: d.test_table_path.write_text("id\n7\n"), "test.csv", "found the columns id, expected id,lead,fs"),
        (lambda d: d.signal_path(RECORD).unlink(), f"train/{RECORD}/{RECORD}.csv", "found no such file, expected it"),
        (lambda d: d.test_image_path(TEST_RECORD).unlink(), f"test/{TEST_RECORD}.png", "found no such file"),
        (lambda d: d.image_path(RECORD, "0002").write_bytes(b""), f"train/{RECORD}/{RECORD}-0002.png", "found a file"),
        (lambda d: d.sample_submission_path.write_bytes(b"x"), "sample_submission.parquet", "not a submission"),
    ],
)  # fmt: skip
def test_what_has_not_the_competitions_form_is_found_even_if_the_manifest_agrees(
    dataset_copy, examine, spoil, path, problem
):
    spoil(dataset_copy)
    found = findings(examine(against_present=True))
    assert any(name == path and text.startswith(problem) for name, text in found), found


def test_a_record_that_lacks_a_kind_which_others_have_is_found(dataset_copy, examine):
    (record,) = dataset_copy.train_records()
    dataset_copy.write_train_table([record, Record("7", 250, 2500)])
    paths = [path for path, _ in findings(examine(against_present=True))]
    assert paths == ["train/7/7-0001.png", "train/7/7.csv"]


def test_a_missing_folder_is_an_error(tmp_path, params):
    with pytest.raises(DataError, match="no such folder"):
        verify(tmp_path / "raw", pd.DataFrame(columns=manifest.COLUMNS), params.verify)


def test_every_row_of_train_csv_that_is_wrong_is_named_and_the_others_are_examined(dataset_copy, examine):
    (record,) = dataset_copy.train_records()
    rows = [record, record, Record("../7", 250, 2500), Record("8", 250, 2501)]
    dataset_copy.write_train_table(rows)
    os.truncate(dataset_copy.image_path(RECORD, "0001"), 1000)
    report = examine(against_present=True)
    problems = dict.fromkeys(problem for path, problem in findings(report) if path == "train.csv")
    assert list(problems) == [
        "record ../7: row 2 (line 4), id: found '../7', expected letters, digits, - or _",
        "record 10000000: row 1 (line 3), id: found '10000000', expected each record once",
        "record 8: row 3 (line 5), sig_len: found '2501', expected 10 times fs",
    ]
    assert report.records == (record,)
    others = [path for path, _ in findings(report) if path != "train.csv"]
    assert others == [f"train/{RECORD}/{RECORD}-0001.png", "train/8/8-0001.png", "train/8/8.csv"]


def test_links_are_found_but_those_into_dvcs_cache(dataset_copy, examine, tmp_path):
    for record_path, target in (
        (dataset_copy.image_path(RECORD, "0001"), tmp_path / ".dvc/cache/files/md5/ab/cdef"),
        (dataset_copy.test_image_path(TEST_RECORD), tmp_path / "elsewhere.png"),
    ):
        target.parent.mkdir(parents=True, exist_ok=True)
        record_path.rename(target)
        record_path.symlink_to(target)
    ((name, problem),) = findings(examine())
    assert name == f"test/{TEST_RECORD}.png" and problem.startswith("found a symbolic link to ")


# ---- the stages


@pytest.fixture(scope="module")
def readings(tmp_path_factory) -> Path:
    """Readings of all tests: the one picture is read once."""
    return tmp_path_factory.mktemp("readings")


@pytest.fixture
def workspace(tiny_dataset, tmp_path, monkeypatch, readings):
    """A working directory whose params.yaml takes the tiny data set as a local folder."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["data"].update(source="local", folder=str(tmp_path / "given"))
    content["verify"].update(workers=1)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(tiny_dataset.root, tmp_path / "given")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages.verify, "SCRATCH", readings)
    return tmp_path


def test_what_download_fetched_verify_finds_sound(workspace):
    stages.run(stages.download.main)
    stages.run(stages.verify.main)
    downloaded, verified = (
        json.loads((workspace / f"metrics/{name}.json").read_text()) for name in ("download", "verify")
    )
    assert downloaded["files"] == verified["files"] == 7
    assert verified["findings"] == verified["suspects"] == verified["pages_unreadable"] == 0
    assert verified["pages_read"] == 1
    assert pd.read_csv("plots/verify/pairing.csv")["correlation"].item() > 0.999  # 0.9998


def halve_truth(workspace: Path) -> None:
    dataset = Dataset(workspace / "given")
    (record,) = dataset.train_records()
    write_signal(dataset.signal_path(record.id), 0.5 * read_signal(dataset.signal_path(record.id)), record.fs)


@pytest.mark.parametrize("on_suspect", ["fail", "exclude", "warn"])
def test_a_truth_that_is_half_of_what_the_picture_shows_is_named_drawn_and_treated_as_asked(
    workspace, on_suspect, capsys
):
    halve_truth(workspace)
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("on_suspect: exclude", f"on_suspect: {on_suspect}"))
    stages.run(stages.download.main)
    with pytest.raises(SystemExit) if on_suspect == "fail" else nullcontext():
        stages.run(stages.verify.main)
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"train/{RECORD}/{RECORD}-0001.png: scaled, the truth is 0.50" in error
    assert (workspace / f"plots/verify/{RECORD}-0001.png").stat().st_size > 5000
    excluded = read_excluded("data/suspects.csv")
    assert excluded == ({(RECORD, "0001")} if on_suspect == "exclude" else set())
    assert json.loads((workspace / "metrics/verify.json").read_text())["suspects/scaled"] == 1


def test_without_pairing_no_picture_is_read(workspace, monkeypatch):
    monkeypatch.setattr(stages.verify, "pair_pages", lambda _, records, *__: iter(records))
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("pairing: true", "pairing: false"))
    stages.run(stages.download.main)
    stages.run(stages.verify.main)
    metrics = json.loads((workspace / "metrics/verify.json").read_text())
    assert metrics["pages_read"] == 0 and metrics["pictures"] == 2


def test_verify_writes_its_report_then_fails_in_one_line(workspace, capsys):
    stages.run(stages.download.main)
    os.truncate(workspace / "data/raw/test.csv", 20)
    with pytest.raises(SystemExit) as stop:
        stages.run(stages.verify.main)
    error = capsys.readouterr().err
    assert stop.value.code == 1
    assert error.startswith("error: faults in the data: 2, first: test.csv: ") and error.count("\n") == 1
    assert len(pd.read_csv(workspace / "data/verify.csv")) == 2
    assert json.loads((workspace / "metrics/verify.json").read_text())["findings"] == 2
