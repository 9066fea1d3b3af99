"""The stage `preprocess` is killed at random moments: nothing lost, nothing half-written, the same bytes at the end."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ecgpipe.competition.dataset import Dataset, Record
from ecgpipe.verify.suspects import PAGE_COLUMNS
from tests.conftest import REPOSITORY
from tests.preprocess_steps import run_stage

pytestmark = pytest.mark.slow

KILLS = 10
RECORDS = 30


@pytest.fixture
def workspace(tmp_path) -> Path:
    """Thirty records of one small picture, and parameters that frame them coarsely in one process."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["preprocess"].update(px_per_s=25.0, px_per_mv=10.0, workers=1)
    dataset = Dataset(tmp_path / "data" / "raw")
    records = [Record(str(100 + index), 500, 5000) for index in range(RECORDS)]
    rng = np.random.default_rng(1)
    for record in records:
        path = dataset.image_path(record.id, "0001")
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (200, 300, 3)).astype(np.uint8))
    dataset.write_train_table(records)
    (tmp_path / "data" / "suspects.csv").write_text(",".join([*PAGE_COLUMNS, "excluded"]) + "\n")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def start(folder: Path) -> multiprocessing.Process:
    """The stage in a process of its own, forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preprocess_steps"])
    process = context.Process(target=run_stage, args=(str(folder),))
    process.start()
    return process


def left(folder: Path) -> dict[str, bytes]:
    """What the stage leaves for the next ones."""
    return {path.name: path.read_bytes() for path in (folder / "data/frames").iterdir()}


def kept(folder: Path) -> set[str]:
    return {path.name for path in (folder / "scratch/preprocess").glob("[!.]*")}


def test_frames_that_were_made_under_ten_kills_are_those_of_an_undisturbed_run(workspace):
    moments, grown = random.Random(1), []
    for kill in range(KILLS):
        before = kept(workspace)
        process = start(workspace)
        wait_for(lambda before=before: len(kept(workspace)) > len(before) or len(before) == RECORDS)
        time.sleep(moments.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode in (-9, 0), f"kill {kill}"
        assert kept(workspace) >= before, "what was finished is not lost"
        grown.append(len(kept(workspace)) - len(before))
    assert sum(count > 0 for count in grown) >= 3, "too few kills came while frames were being made"
    process = start(workspace)
    process.join()
    assert process.exitcode == 0
    under_kills = left(workspace)
    assert len(under_kills) == RECORDS + 1
    assert {path.name for path in (workspace / "scratch/preprocess").iterdir()} == kept(workspace)
    assert len(kept(workspace)) == RECORDS

    shutil.rmtree(workspace / "scratch/preprocess")
    (workspace / "metrics/preprocess.json").unlink()
    undisturbed = start(workspace)
    undisturbed.join()
    assert undisturbed.exitcode == 0
    assert left(workspace) == under_kills


def wait_for(condition, limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


SLEEPERS = """
import sys, time
from ecgpipe.base.parallel import map_processes
from tests.test_preprocess_kill import report_and_sleep
if __name__ == "__main__":
    list(map_processes(report_and_sleep, sys.argv[1:], 2))
"""


def report_and_sleep(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def test_processes_end_with_the_one_that_started_them(tmp_path):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    (tmp_path / "pids").mkdir()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen([sys.executable, str(script), *[str(tmp_path / "pids")] * 2], env=environment)
    wait_for(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    children = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    wait_for(lambda: not any(alive(pid) for pid in children), 10)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
