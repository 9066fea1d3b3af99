"""The stage `download` is killed at random moments: nothing half-written, nothing fetched twice, the same bytes."""

import multiprocessing
import os
import random
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.kaggle_server import COMPETITION, Remote, small_competition
from tests.kaggle_steps import run_stage_against

pytestmark = pytest.mark.slow

KILLS = 10


@pytest.fixture
def workspace(remote, tmp_path) -> Path:
    """A folder with the pipeline's parameters, and a download that takes longer than all kills together."""
    remote.files = small_competition(records=16, picture_bytes=300_000)
    remote.delay_s = 0.05
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["data"].update(source="kaggle")
    content["data"]["kaggle"].update(cache="cache", connections=3, backoff_s=0.0)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def start(remote: Remote, folder: Path) -> multiprocessing.Process:
    """The stage in a process of its own, forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kaggle_steps", "stages.download", "ecgpipe.kaggle.source"])
    names = ("HOME", "KAGGLE_USERNAME", "KAGGLE_KEY", "NO_PROXY", "no_proxy")
    environment = {name: os.environ[name] for name in names}
    process = context.Process(target=run_stage_against, args=(remote.endpoint, str(folder), environment))
    process.start()
    return process


def finished(folder: Path) -> dict[str, bytes]:
    """The files of the cache or the data set that are no part of one."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    names = {path.relative_to(folder).as_posix(): path for path in files if ".partial" not in path.parts}
    return {name: path.read_bytes() for name, path in names.items()}


def test_a_download_that_is_killed_ten_times_ends_in_the_same_bytes(remote, workspace):
    moments = random.Random(1)
    for kill in range(KILLS):
        before = dict(remote.asked)
        done = finished(workspace / "cache" / COMPETITION)
        process = start(remote, workspace)
        wait_for(lambda before=before: bodies(remote) > sum(before.get(name, 0) for name in remote.files))
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.join()
        assert process.exitcode == -9, f"kill {kill} came too late"
        assert not (workspace / "data").exists(), "the data set is whole or absent"
        assert all(remote.files[name] == body for name, body in finished(workspace / "cache" / COMPETITION).items())
        assert all(remote.asked[name] == before[name] for name in done), "what was finished is not fetched again"

    process = start(remote, workspace)
    process.join()
    assert process.exitcode == 0
    assert finished(workspace / "data/raw") == remote.files
    manifest = pd.read_csv(workspace / "data/manifest.csv")
    assert manifest["bytes"].equals(manifest["remote_bytes"]) and len(manifest) == len(remote.files)
    assert remote.ranges, "files that were half there went on from where they were"
    assert not list((workspace / "cache" / COMPETITION / ".partial").iterdir())


def bodies(remote: Remote) -> int:
    return sum(remote.asked[name] for name in remote.files)


def wait_for(condition, limit_s: float = 30) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
