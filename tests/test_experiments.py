"""The table of experiments: what it shows of them, and that it fits a page."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from ecgpipe.pipeline.experiments import SCORES, WIDTH, flat, lines, table

PARAMS = {"loss": {"mse_weight": 0.0, "frequency_weight": 0.1}, "data": {"kinds": ["0001"]}}


def shown(name: str, oof_db: float = 20.0, **loss: object) -> dict:
    """A commit or an experiment as `dvc exp show --json` tells it."""
    metrics: dict = {}
    for stage, metric in SCORES.values():
        metrics.setdefault(f"metrics/{stage}.json", {"data": {}})["data"][metric] = oof_db
    params = {"params.yaml": {"data": PARAMS | {"loss": PARAMS["loss"] | loss}}, "pretrain/params.yaml": {"data": {}}}
    return {"rev": "0" * 40, "name": name, "error": None, "data": {"params": params, "metrics": metrics}}


def experiment(*arguments, state: str | None = None, **loss: object) -> dict:
    one = shown(*arguments, **loss)
    return {"revs": [one], "executor": state and {"state": state}, "name": one["name"]}


def commit(name: str, *experiments: dict, **loss: object) -> dict:
    return {**shown(name, **loss), "experiments": list(experiments)}


def drawn(*commits: dict) -> str:
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(table(lines(list(commits))))
    return text.getvalue()


def test_the_best_experiment_comes_first_and_what_did_not_end_last_without_scores():
    tried = [
        experiment("low", 19.0, mse_weight=1.0),
        experiment("broken", 99.0, state="failed", mse_weight=2.0),
        experiment("high", 21.0, state="success", mse_weight=[[0, 1.0], [1, 0]]),
        experiment("later", 99.0, state="queued"),
    ]
    ((base, *others),) = lines([commit("main", *tried)])
    assert base.name == "main" and base.changed == ""
    assert [line.name for line in others] == ["high", "low", "broken (failed)", "later (queued)"]
    assert others[0].scores[0] == 21.0 and others[2].scores == [None] * len(SCORES)
    assert others[0].changed == "loss.mse_weight=[[0,1.0],[1,0]]" and others[3].changed == ""


def test_the_workspace_is_told_by_what_differs_from_the_commit_below_it():
    workspace = {**commit("", mse_weight=0.5), "rev": "workspace", "name": None}
    (first, *_), (second, *_) = lines([workspace, commit("main")])
    assert (first.name, first.changed, second.changed) == ("workspace", "loss.mse_weight=0.5", "")


def test_the_table_fits_a_page_and_cuts_nothing_off():
    weights = {f"weight_of_part_{number}": number / 8 for number in range(8)}
    long = experiment("an-experiment-with-a-rather-long-name", 21.123456, **weights)
    text = drawn(commit("main", long, experiment("short", mse_weight=1.0)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text and "21.12" in text and all(heading in text for heading in SCORES)
    for path in flat({"loss": weights}):
        assert f"{path}={weights[path.removeprefix('loss.')]}" in text


def test_a_metric_that_a_commit_lacks_is_a_dash():
    older = commit("older")
    older["data"]["metrics"] = {}
    assert drawn(older).count(" - ") == len(SCORES)


@pytest.mark.slow
def test_a_real_experiment_of_dvc_is_listed(tmp_path):
    def run(*command: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        named = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **named, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "metrics").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    metric = json.dumps({"loss": 0.25})
    stage = {"cmd": f"echo '{metric}' > metrics/train.json", "params": ["loss"]}
    stage["metrics"] = [{"metrics/train.json": {"cache": False}}]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    for command in ("git init -q -b main", "dvc init -q", "dvc repro -q", "git add -A", "git commit -q -m one"):
        run(*command.split())
    run("dvc", "exp", "run", "-q", "-n", "tried", "-S", "loss.frequency_weight=0.3")
    listed = run(sys.executable, "-m", "ecgpipe.pipeline.experiments").splitlines()
    assert max(map(len, listed)) <= WIDTH
    (tried,) = (line.split() for line in listed if "tried" in line)
    assert tried == ["└", "tried", "-", "-", "-", "0.25", "loss.frequency_weight=0.3"]
