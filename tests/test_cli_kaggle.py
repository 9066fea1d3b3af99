"""`ecgpipe download`, `check-remote`, `submit` and `leaderboard`: what they print, their status, what they leave."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from rich.console import Console

import stages
import stages.download
from ecgpipe.cli import main
from ecgpipe.competition import Dataset
from ecgpipe.progress import transfer_bar
from tests.conftest import REPOSITORY
from tests.kaggle_server import COMPETITION, KEY, Fault

CACHE = Path("cache") / COMPETITION


@pytest.fixture
def workspace(remote, kaggle_data, tmp_path, monkeypatch) -> Path:
    """A working directory whose params.yaml takes the competition from the server."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["data"].update(source="kaggle")
    quick = {"attempts": 2, "backoff_s": 0.0, "timeout_s": 1.0, "cache": "cache"}
    content["data"]["kaggle"].update(quick)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr; nowhere the key."""
    status = main(arguments)
    out, err = capsys.readouterr()
    assert KEY not in out + err
    return status, out, err


def downloaded(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    }


# ---- download


def test_download_fills_the_folder_where_dvc_repro_looks(remote, workspace, capsys):
    status, out, err = run(capsys, "download")
    total = sum(map(len, remote.files.values()))
    assert (status, err) == (0, "") and downloaded(CACHE) == set(remote.files)
    assert out == f"fetched 10 files of {total} bytes, 0 were there: {CACHE}\n"
    remote.asked.clear()
    stages.run(stages.download.main)
    assert not remote.fetched()


def test_download_takes_kinds_records_files_and_a_folder(remote, workspace, capsys):
    run(capsys, "download", "--output", "a", "--kinds", "0001", "--records", "100")
    assert {name for name in downloaded(Path("a")) if "/1" in name} == {"train/100/100.csv", "train/100/100-0001.png"}
    run(capsys, "download", "--output", "b", "--file", "test.csv", "train.csv")
    assert downloaded(Path("b")) == {"test.csv", "train.csv"}


def test_download_extracts_bundles(remote, workspace, capsys):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("3/3.csv", "I\n0\n")
    remote.files["train/more.zip"] = buffer.getvalue()
    status, out, _ = run(capsys, "download", "--output", "a", "--extract")
    assert status == 0 and "1 unpacked" in out
    assert Path("a/train/3/3.csv").read_text() == "I\n0\n" and Path("a/train/more.zip").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kinds", "0002"], "--kinds: found '0002', expected some of 0001 0003"),
        (["--file", "tests.csv"], "--file tests.csv: found no such file in Kaggle's listing (is it test.csv?)"),
        (["--records", "7"], "data.kaggle.records: found '7', expected training records"),
        (["--competition", "titanik"], "check data.kaggle.competition ('titanik')"),
    ],
)
def test_what_cannot_be_had_is_one_line(workspace, capsys, arguments, message):
    status, out, err = run(capsys, "download", *arguments)
    assert (status, out) == (1, "") and err.startswith("ecgpipe: ") and message in err and err.count("\n") == 1


def test_without_params_the_line_says_where_to_run(workspace, capsys):
    Path("params.yaml").unlink()
    status, _, err = run(capsys, "download")
    assert status == 1 and "run in the repository's root" in err


def test_without_credentials_all_that_is_printed_is_one_line(workspace, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    done = subprocess.run([sys.executable, "-m", "ecgpipe", "download"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ecgpipe: found no valid Kaggle credentials") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_only(terminal):
    screen = io.StringIO()
    with transfer_bar(Console(file=screen, force_terminal=terminal, width=100)) as report:
        report(500_000, 1_000_000)
    assert ("0.5/1.0 MB" in screen.getvalue()) is terminal
    assert terminal or screen.getvalue() == ""


# ---- the stage, and drift


@pytest.fixture
def fetched(remote, workspace) -> Path:
    """The workspace after the stage `download`."""
    stages.run(stages.download.main)
    return workspace


def metrics() -> dict[str, int]:
    return json.loads(Path("metrics/download.json").read_text())


def test_the_stage_leaves_the_data_set_and_a_manifest_with_what_the_listing_said(remote, fetched):
    raw, table = Path("data/raw"), pd.read_csv("data/manifest.csv", dtype=str)
    assert {name: (raw / name).read_bytes() for name in downloaded(raw)} == remote.files
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
    assert remote.fetched() == new and downloaded(Path("data/raw")) == set(remote.files)
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


def test_a_missing_manifest_is_said(workspace, capsys):
    status, _, err = run(capsys, "check-remote")
    assert status == 1 and "data/manifest.csv: no such file, expected a manifest; run `dvc repro download`" in err


def test_a_failing_stage_leaves_the_data_of_before(remote, fetched, capsys):
    before = downloaded(Path("data/raw"))
    remote.files["test.csv"] = b"new"
    remote.always["ListDataFiles"] = Fault(403)
    with pytest.raises(SystemExit):
        stages.run(stages.download.main)
    error = capsys.readouterr().err
    assert error.startswith("error: listing the files: found HTTP status 403") and error.count("\n") == 1
    assert downloaded(Path("data/raw")) == before


# ---- submit


@pytest.fixture
def submission(workspace) -> Path:
    Path("s.csv").write_text("id,value\n9_0_II,0.1\n")
    return Path("s.csv")


def test_submit_uploads_the_file_with_its_message(remote, submission, capsys):
    status, out, err = run(capsys, "submit", "s.csv", "-m", "first try")
    assert (status, err) == (0, "")
    assert out == f"s.csv -> {COMPETITION}: Successfully submitted to the competition\n"
    assert remote.uploaded == submission.read_bytes()
    assert remote.submissions == [{"description": "first try", "teamName": "us"}]


@pytest.mark.parametrize("method", ["CreateSubmission", "StartSubmissionUpload"])
def test_a_submission_is_never_sent_twice(remote, submission, capsys, method):
    remote.faults[method] = [Fault(500)]
    status, _, err = run(capsys, "submit", "s.csv", "-m", "x")
    assert status == 1 and "HTTP status 500" in err and remote.asked[method] == 1


def test_an_upload_that_fails_is_an_error_though_the_client_raises_none(remote, submission, capsys):
    remote.faults["upload"] = [Fault(400)]
    status, _, err = run(capsys, "submit", "s.csv", "-m", "x")
    assert status == 1 and "s.csv: the upload to Kaggle failed, nothing was submitted; run again" in err
    assert not remote.submissions


def test_the_reason_that_kaggle_gives_is_passed_on(remote, submission, capsys):
    remote.faults["CreateSubmission"] = [Fault(400, message="Submission limit exceeded")]
    assert run(capsys, "submit", "s.csv", "-m", "x")[2].endswith("; Kaggle says: Submission limit exceeded\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "s.csv: no such file, expected a submission"),
        ("id\n1\n", "s.csv: found the columns id, expected id,value"),
        ("id,value\n", "s.csv: found no row, expected a value for each id"),
        ("id,value\n9_0_II,nan\n", "s.csv: row 0, 9_0_II: found nan, expected a number"),
    ],
)
def test_a_file_that_is_no_submission_is_refused_before_it_costs_one(remote, submission, capsys, text, message):
    submission.unlink() if text is None else submission.write_text(text)
    status, _, err = run(capsys, "submit", "s.csv", "-m", "x")
    assert status == 1 and message in err and not remote.asked


# ---- leaderboard


@pytest.fixture
def standing(remote, workspace):
    """Thirty teams, best first; ours is the 21st."""
    remote.teams = [(f"team {i}", str(24 - i / 10)) for i in range(20)] + [("us", "21.5")] + [("rest", "")] * 9
    remote.submissions = [{"teamName": "us", "description": "x"}]
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/submit.json").write_text('{"snr_db/all": 22.96, "rows": 7}')


def test_the_leaderboard_shows_the_best_us_and_the_local_score(standing, capsys):
    status, out, err = run(capsys, "leaderboard")
    rows = [line.split() for line in out.splitlines() if "│" in line]
    cells = [" ".join(row).strip("│ ").split(" │ ") for row in rows]
    assert (status, err) == (0, "") and "30 teams" in out
    assert [cell[:3] for cell in cells] == [
        ["1", "team 0", "24.00"],
        ["2", "team 1", "23.90"],
        ["3", "team 2", "23.80"],
        ["21", "us", "21.50"],
        ["(12)", "local, metrics/submit.json", "22.96"],
    ]
    assert out.endswith("we are us, place 21\n")


def test_an_account_without_submission_is_said(remote, standing, capsys):
    remote.submissions = []
    assert "no submission yet; `ecgpipe submit FILE -m TEXT` makes one" in run(capsys, "leaderboard")[1]


def test_a_team_that_is_not_listed_yet_is_said(remote, standing, capsys):
    remote.submissions = [{"teamName": "newcomers", "description": "x"}]
    assert "we are newcomers, not on the leaderboard yet" in run(capsys, "leaderboard")[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "metrics/submit.json: no such file, expected metrics of a submission; run `dvc repro submit`"),
        ("[]", "metrics/submit.json: not a metrics file, expected a JSON object with snr_db/all in dB"),
        ("{", "metrics/submit.json: not a metrics file"),
    ],
)
def test_metrics_that_cannot_be_read_are_named(standing, capsys, text, message):
    path = Path("metrics/submit.json")
    path.unlink() if text is None else path.write_text(text)
    status, _, err = run(capsys, "leaderboard")
    assert status == 1 and message in err


def test_metrics_without_a_truth_leave_the_local_score_empty(standing, capsys):
    Path("metrics/submit.json").write_text('{"rows": 7}')
    assert run(capsys, "leaderboard")[0] == 0
