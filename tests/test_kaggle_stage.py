"""The stage `download` with the kaggle source, its manifest, and drift of the listing from it."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

import stages
import stages.download
from ecgpipe.competition.dataset import Dataset
from tests.conftest import REPOSITORY
from tests.kaggle_server import COMPETITION, Fault, bundle
from tests.kaggle_steps import run, tree

CACHE = Path("cache") / COMPETITION


@pytest.fixture
def fetched(remote, kaggle_workspace) -> Path:
    """The kaggle_workspace after the stage `download`."""
    stages.run(stages.download.main)
    return kaggle_workspace


def metrics() -> dict[str, int]:
    return json.loads(Path("metrics/download.json").read_text())


def test_the_stage_leaves_the_data_set_and_a_manifest_with_what_the_listing_said(remote, fetched):
    raw, table = Path("data/raw"), pd.read_csv("data/manifest.csv", dtype=str)
    assert tree(raw) == remote.files
    assert list(table.columns) == ["path", "bytes", "sha256", "remote_bytes", "remote_created"]
    assert (table["bytes"] == table["remote_bytes"]).all()
    assert set(table["remote_created"]) == {"2025-10-14T12:00:00.123+00:00"}
    assert metrics() == {
        "bytes": sum(map(len, remote.files.values())), "fetched_bytes": sum(map(len, remote.files.values())),
        "fetched_files": 10, "fetched_records": 2, "files": 10, "kept_files": 0,
    }  # fmt: skip


def test_the_data_set_shares_its_disk_blocks_with_the_cache(fetched):
    assert Path("data/raw/test.csv").samefile(CACHE / "test.csv")


def test_chosen_records_are_all_that_train_csv_speaks_of(remote, fetched):
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["data"]["kaggle"]["records"] = ["101"]
    Path("params.yaml").write_text(yaml.safe_dump(content))
    stages.run(stages.download.main)
    assert [record.id for record in Dataset("data/raw").train_records()] == ["101"]
    assert (CACHE / "train.csv").read_bytes() == remote.files["train.csv"]


def test_no_drift_is_status_0(fetched, capsys):
    assert run(capsys, "check-remote") == (0, f"no drift: 10 files of {COMPETITION} as in data/manifest.csv\n", "")
    assert not Path("manifests").exists()


def test_drift_is_status_3_and_names_what_was_added_removed_and_changed(remote, fetched, capsys):
    drift(remote)
    status, out, err = run(capsys, "check-remote")
    assert (status, err) == (3, "")
    assert out.splitlines() == [
        "changed test/9.png: found 300000 bytes of 2025-11-18T00:00:00.000+00:00, "
        "expected 300000 bytes of 2025-10-14T12:00:00.123+00:00",
        "removed train/100/100-0005.png: found no such file, "
        "expected 70000 bytes of 2025-10-14T12:00:00.123+00:00",
        "changed train/101/101-0001.png: found 3 bytes of 2025-10-14T12:00:00.123+00:00, "
        "expected 70000 bytes of 2025-10-14T12:00:00.123+00:00",
        "added train/102/102.csv: found 4 bytes of 2025-10-14T12:00:00.123+00:00, expected no such file",
        "drift: 1 added, 1 removed, 2 changed; the listing is in manifests/kaggle.csv, "
        "`dvc repro` fetches what is new in it",
    ]  # fmt: skip


def drift(remote) -> None:
    """One file added, one removed, one of another size, one of another date alone."""
    del remote.files["train/100/100-0005.png"]
    remote.files |= {"train/102/102.csv": b"I\n0\n", "train/101/101-0001.png": b"new"}
    remote.created["test/9.png"] = "2025-11-18T00:00:00Z"


def test_after_drift_only_what_is_new_is_fetched_and_the_metrics_say_how_much(remote, fetched, capsys):
    drift(remote)
    remote.asked.clear()
    stages.run(stages.download.main)
    new = {"train/102/102.csv", "train/101/101-0001.png", "test/9.png"}
    assert remote.fetched() == new and tree(Path("data/raw")) == remote.files
    found = metrics()
    assert (found["fetched_files"], found["kept_files"], found["fetched_records"]) == (3, 7, 2)
    assert found["fetched_bytes"] == sum(len(remote.files[name]) for name in new)
    assert run(capsys, "check-remote")[0] == 0


def test_the_stage_depends_on_the_listing_that_check_remote_writes(remote, fetched, capsys):
    before = (REPOSITORY / "manifests/kaggle.csv").read_text()
    drift(remote)
    run(capsys, "check-remote")
    assert (
        Path("manifests/kaggle.csv").read_text().startswith(before.splitlines()[0] + "\nsample_submission.parquet,4,")
    )
    assert "manifests/kaggle.csv" in yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]["download"]["deps"]


def test_a_manifest_that_is_not_kaggles_is_said(fetched, capsys):
    pd.read_csv("data/manifest.csv")[["path", "bytes", "sha256"]].to_csv("data/manifest.csv", index=False)
    status, _, err = run(capsys, "check-remote")
    assert status == 1 and "found no column remote_bytes, expected a manifest of files from Kaggle; set data.so" in err


def test_a_missing_manifest_is_said(kaggle_workspace, capsys):
    status, _, err = run(capsys, "check-remote")
    assert status == 1 and "data/manifest.csv: no such file, expected a manifest; run `dvc repro download`" in err


def test_a_failing_stage_leaves_the_data_of_before(remote, fetched, capsys):
    before = tree(Path("data/raw"))
    remote.files["test.csv"] = b"new"
    remote.always["ListDataFiles"] = Fault(403)
    with pytest.raises(SystemExit):
        stages.run(stages.download.main)
    error = capsys.readouterr().err
    assert error.startswith("error: listing the files: found HTTP status 403") and error.count("\n") == 1
    assert tree(Path("data/raw")) == before


def test_what_was_unpacked_is_in_the_manifest_but_no_drift(remote, kaggle_workspace, capsys):
    remote.files["train/more.zip"] = bundle({"100/100-0003.png": b"picture"})
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["data"]["kaggle"]["extract"] = True
    Path("params.yaml").write_text(yaml.safe_dump(content))
    stages.run(stages.download.main)
    assert Path("data/raw/train/100/100-0003.png").read_bytes() == b"picture"
    row = pd.read_csv("data/manifest.csv", dtype=str).set_index("path").loc["train/100/100-0003.png"]
    assert row["bytes"] == "7" and row[["remote_bytes", "remote_created"]].isna().all()
    assert run(capsys, "check-remote")[0] == 0
