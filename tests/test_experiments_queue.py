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
    assert run([word, two], "square", poll_s=0.2) == {word.name: None, two.name: {"square": 4}}
    logs = set((pipeline / ".dvc/tmp/exps/run").glob("*/*.out"))
    assert len(logs) == 2
    # A second call does again what failed, and nothing else.
    (pipeline / "square.py").write_text("raise SystemExit('not to be run again')")
    assert run([word, two], "square", poll_s=0.2) == {word.name: None, two.name: {"square": 4}}
    assert len(set((pipeline / ".dvc/tmp/exps/run").glob("*/*.out")) - logs) == 1


@pytest.mark.parametrize("in_setup", [False, True])
def test_a_run_whose_worker_was_killed_is_done_again(pipeline, in_setup):
    slow = square(5, "wait_s=4")
    driver = subprocess.Popen(
        [sys.executable, "-c", f"from experiments.queue import *; run([{slow!r}], 'square', poll_s=0.2)"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    while not (found := find([slow.name])) or not found[slow.name].pid:
        time.sleep(0.2)
    worker = next((pipeline / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid"))
    for pid in (driver.pid, int(worker.read_text()), found[slow.name].pid):
        os.kill(pid, signal.SIGKILL)
    driver.wait()
    if in_setup:  # before the run noted what it is, which DVC stumbles over from then on
        next((pipeline / ".dvc/tmp/exps/run").glob("*/*.run")).unlink()
    else:
        assert find([slow.name])[slow.name].state == "running", "DVC itself does not notice"
    assert run([slow], "square", poll_s=0.2) == {slow.name: {"square": 25}}


def test_what_dvc_refuses_is_one_line(pipeline):
    with pytest.raises(ExperimentError, match=r"^dvc exp run --queue: [^\n]*$"):
        run([square(2, "no_such_parameter=1")], "square")


def test_other_overrides_are_another_experiment():
    assert square(2).name != square(3).name and square(2).name == square(2).name
