"""The whole pipeline on a tiny data set in a clone: what runs, what does not run again, and what comes out."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ecgpipe.competition.dataset import submission_ids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TINY = {
    "data": {"train_records": 2, "test_records": 1, "kinds": ["0001"], "turned_share": 0.0, "workers": 1},
    "verify": {"workers": 1},
    "preprocess": {"workers": 1},
    "train": {"steps": 2, "crop_columns": 64, "workers": 0},
    "cross_validate": {"folds": 2, "steps": 1},
    "postprocess": {"workers": 1},
}


class Clone:
    """A clone of the repository's HEAD with its own DVC cache."""

    def __init__(self, folder: Path):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        self.folder = folder

    def set(self, changes: dict[str, dict]) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for block, values in changes.items():
            params[block] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def run(self, *command: str) -> subprocess.CompletedProcess:
        """Run a Python module in the clone, with the clone's own package and this interpreter."""
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment["PYTHONPATH"] = str(self.folder)
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def stages_run(self) -> list[str]:
        """Run `dvc repro`; the stages that it ran, in order."""
        done = self.run("dvc", "repro")
        assert done.returncode == 0, done.stderr
        return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]

    def metrics(self, stage: str) -> dict[str, float]:
        return json.loads((self.folder / "metrics" / f"{stage}.json").read_text())


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp("pipeline") / "repository")
    clone.set(TINY)
    return clone


@pytest.fixture(scope="module")
def first_run(clone) -> list[str]:
    return clone.stages_run()


def test_every_stage_runs_the_first_time(first_run, clone):
    assert first_run == list(yaml.safe_load((clone.folder / "dvc.yaml").read_text())["stages"])


def test_the_submission_matches_test_csv_row_for_row_and_is_scored(first_run, clone):
    test = pd.read_csv(clone.folder / "data/raw/test.csv", dtype={"id": str})
    submission = pd.read_csv(clone.folder / "data/submission/submission.csv")
    assert submission["id"].tolist() == submission_ids(test)
    assert submission["value"].notna().all()
    assert clone.metrics("submit")["snr_db/all"] > 28  # one test page of kind 0001


def test_every_page_is_read_out_of_fold_once(first_run, clone):
    assert clone.metrics("preprocess")["rectified_share/all"] == 1
    cross_validate = clone.metrics("cross_validate")
    assert (cross_validate["images"], cross_validate["folds"], cross_validate["gave_up"]) == (2, 2, 0)
    assert cross_validate["snr_db/folds_2"] == pytest.approx(cross_validate["snr_db/all"])


def test_every_plot_is_there(first_run, clone):
    plots = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["plots"]
    for plot in plots:
        path = clone.folder / (next(iter(plot)) if isinstance(plot, dict) else plot)
        assert path.stat().st_size > 0


def test_a_run_leaves_nothing_for_git_but_params_lock_and_metrics(first_run, clone):
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone.folder, capture_output=True, text=True).stdout
    paths = {line[3:] for line in status.splitlines()}
    assert {path for path in paths if not path.startswith("metrics/")} <= {"params.yaml", "dvc.lock"}


def test_a_second_run_does_nothing(first_run, clone):
    assert clone.stages_run() == []


def test_another_loss_trains_again_but_does_not_preprocess_again(first_run, clone):
    clone.set({"loss": {"frequency_weight": 0.3}})
    assert clone.stages_run() == ["train", "cross_validate", "postprocess", "submit"]


BROKEN = [
    ("submit", {"loss": {"frequency_weight": "0.3x"}}, "loss.frequency_weight"),
    ("submit", {"preprocess": {"px_per_mm": 3}}, "preprocess.px_per_mm"),
    ("submit", {"data": {"kinds": ["0002"]}}, "data.kinds[0]"),
    ("train", {"preprocess": {"px_per_s": 175.0}}, "px_per_s"),
]


@pytest.mark.parametrize(("stage", "change", "named"), BROKEN, ids=[named for _, _, named in BROKEN])
def test_a_wrong_parameter_is_one_line_that_names_it(clone, stage, change, named):
    before = (clone.folder / "params.yaml").read_text()
    try:
        clone.set(change)
        done = clone.run(f"stages.{stage}")
    finally:
        (clone.folder / "params.yaml").write_text(before)
    assert done.returncode == 1
    assert named in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_page_that_vanished_from_the_data_stops_the_pipeline_at_verify(first_run, clone):
    picture = next(clone.folder.glob("data/raw/train/*/*-0001.png"))
    aside = picture.with_suffix(".aside")
    shutil.move(picture, aside)
    try:
        done = clone.run("stages.verify")
    finally:
        shutil.move(aside, picture)
    assert done.returncode == 1
    assert picture.name in done.stderr and done.stderr.count("\n") == 1
