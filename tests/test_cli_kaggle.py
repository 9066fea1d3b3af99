"""`ecgpipe download`, `submit` and `leaderboard`: what they print, their exit status, what they leave."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import stages
import stages.download
from ecgpipe.base.progress import transfer_bar
from tests.kaggle_server import COMPETITION, Fault, bundle
from tests.kaggle_steps import run, tree

CACHE = Path("cache") / COMPETITION


# ---- download


def test_download_fills_the_folder_where_dvc_repro_looks(remote, kaggle_workspace, capsys):
    status, out, err = run(capsys, "download")
    total = sum(map(len, remote.files.values()))
    assert (status, err) == (0, "") and set(tree(CACHE)) == set(remote.files)
    assert out == f"fetched 10 files of {total} bytes, 0 were there: {CACHE}\n"
    remote.asked.clear()
    stages.run(stages.download.main)
    assert not remote.fetched()


def test_download_takes_kinds_records_files_and_a_folder(remote, kaggle_workspace, capsys):
    run(capsys, "download", "--output", "a", "--kinds", "0001", "--records", "100")
    assert {name for name in tree(Path("a")) if "/1" in name} == {"train/100/100.csv", "train/100/100-0001.png"}
    run(capsys, "download", "--output", "b", "--file", "test.csv", "train.csv")
    assert set(tree(Path("b"))) == {"test.csv", "train.csv"}


def test_download_extracts_bundles(remote, kaggle_workspace, capsys):
    remote.files["train/more.zip"] = bundle({"3/3.csv": b"I\n0\n"})
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
def test_what_cannot_be_had_is_one_line(kaggle_workspace, capsys, arguments, message):
    status, out, err = run(capsys, "download", *arguments)
    assert (status, out) == (1, "") and err.startswith("ecgpipe: ") and message in err and err.count("\n") == 1


def test_without_params_the_line_says_where_to_run(kaggle_workspace, capsys):
    Path("params.yaml").unlink()
    status, _, err = run(capsys, "download")
    assert status == 1 and "run in the repository's root" in err


def test_without_credentials_all_that_is_printed_is_one_line(kaggle_workspace, monkeypatch):
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


# ---- submit


@pytest.fixture
def submission(kaggle_workspace) -> Path:
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
def standing(remote, kaggle_workspace):
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
