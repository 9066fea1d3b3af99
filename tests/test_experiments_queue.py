"""Experiments go through DVC's queue: what is done stays done, what fails is said, what was lost is done again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.queue import Experiment, ExperimentError, find, run

pytestmark = pytest.mark.slow  # DVC takes a second or two a command

PIPELINE = """
stages:
  square:
    cmd: python square.py
    params: [number, wait_s]
    deps: [square.py]
    metrics:
      - metrics/square.json: {cache: false}
"""
STAGE = """
import json, pathlib, time, yaml
params = yaml.safe_load(open("params.yaml"))
time.sleep(params["wait_s"])
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/square.json").write_text(json.dumps({"square": params["number"] ** 2}))
"""


@pytest.fixture
def pipeline(tmp_path, monkeypatch) -> Path:
    """A repository whose one stage writes the square of a number, and fails at a word."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "a@example.org")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("square.py").write_text(STAGE)
    Path("params.yaml").write_text("number: 1\nwait_s: 0\n")
    for command in ("git init -q", "dvc init -q", "git add .", "git commit -qm start"):
        subprocess.run(command.split(), check=True)
    yield tmp_path
    subprocess.run(["dvc", "queue", "stop", "--kill"], capture_output=True)


def square(number: object, *more: str) -> Experiment:
    return Experiment("square", (f"number={number}", *more))


def test_metrics_come_back_by_name_and_a_run_that_fails_loses_no_other(pipeline):
    word, two = square("word"), square(2)
    assert run([word, two], "square", poll_s=1) == {word.name: None, two.name: {"square": 4}}
    logs = set((pipeline / ".dvc/tmp/exps/run").glob("*/*.out"))
    assert len(logs) == 2
    # A second call does again what failed, and nothing else.
    (pipeline / "square.py").write_text("raise SystemExit('not to be run again')")
    assert run([word, two], "square", poll_s=1) == {word.name: None, two.name: {"square": 4}}
    assert len(set((pipeline / ".dvc/tmp/exps/run").glob("*/*.out")) - logs) == 1


def test_runs_whose_worker_was_killed_are_done_again(pipeline):
    slow = square(5, "wait_s=4")
    kill(pipeline, slow)
    assert find([slow.name])[slow.name].state == "running", "DVC itself does not notice"
    kill(pipeline, slow)  # it was begun again, and now it is killed before it noted what it is
    next((pipeline / ".dvc/tmp/exps/run").glob("*/*.run")).unlink()  # which DVC stumbles over from then on
    assert run([slow], "square", poll_s=1) == {slow.name: {"square": 25}}


def kill(pipeline: Path, slow: Experiment) -> None:
    """Start what brings an experiment to its end, and kill it, DVC's worker and the run when that has begun."""
    before = find([slow.name])
    driver = subprocess.Popen(
        [sys.executable, "-c", f"from experiments.queue import *; run([{slow!r}], 'square', poll_s=1)"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    while not (found := find([slow.name])) or found[slow.name].pid in (None, *(one.pid for one in before.values())):
        time.sleep(1)
    worker = next((pipeline / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid"))
    for pid in (driver.pid, int(worker.read_text()), found[slow.name].pid):
        os.kill(pid, signal.SIGKILL)
    driver.wait()


def test_a_look_at_the_queue_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr("experiments.queue.SHOW_S", 0.1)
    monkeypatch.setattr("experiments.queue.SHOW_PAUSES_S", ())
    with pytest.raises(ExperimentError, match=r"^dvc exp show --json: no answer within 0.1 s; try again$"):
        find(["any"])


def test_what_dvc_refuses_is_one_line(pipeline):
    with pytest.raises(ExperimentError, match=r"^dvc exp run --queue: [^\n]*$"):
        run([square(2, "no_such_parameter=1")], "square")


def test_other_overrides_are_another_experiment():
    assert square(2).name != square(3).name and square(2).name == square(2).name
