"""A sound data set passes; each way of spoiling one is found and named by file, found and expected."""

import json
import os
import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import yaml

import stages.download
import stages.verify
from ecgpipe import manifest
from ecgpipe.competition import Dataset, Record
from ecgpipe.errors import DataError
from ecgpipe.verify import Report, verify
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
    assert manifest.compare(before, before).empty
    assert manifest.compare(before, after).values.tolist() == [
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


# ---- the stages


@pytest.fixture
def workspace(tiny_dataset, tmp_path, monkeypatch):
    """A working directory whose params.yaml takes the tiny data set as a local folder."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["data"].update(source="local", folder=str(tmp_path / "given"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(tiny_dataset.root, tmp_path / "given")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_download_fetched_verify_finds_sound(workspace):
    stages.run(stages.download.main)
    stages.run(stages.verify.main)
    downloaded, verified = (
        json.loads((workspace / f"metrics/{name}.json").read_text()) for name in ("download", "verify")
    )
    assert downloaded["files"] == verified["files"] == 7
    assert verified["findings"] == 0


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
