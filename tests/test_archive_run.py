"""A whole archive: killed, resumed, stopped, changed; and what is said where it cannot be."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("ray") is None:  # not imported here, as a local Ray is set up before
    pytest.skip("ray is not installed; `pip install -c constraints.txt '.[scale]'`", allow_module_level=True)
import psutil
import pyarrow.parquet as pq

from ecgpipe.archive.reader import Settings
from ecgpipe.archive.run import Plan, archive
from ecgpipe.archive.shards import Shards
from ecgpipe.base.errors import EcgpipeError
from tests.conftest import REPOSITORY
from tests.test_archive_shards import page


@pytest.fixture
def plan(tmp_path) -> Plan:
    """Of an archive of three files, in a shard already, so that no process need be started."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.png").write_text("read")
    whole = Plan(str(tmp_path / "in"), tmp_path / "out")
    shards = Shards(whole.output, 100)
    for name in "abc":
        about = (tmp_path / "in" / f"{name}.png").stat()
        shards.add([page(f"{name}.png", f"{about.st_size}-{about.st_mtime_ns}")])
    shards.close()
    return whole


def test_what_is_done_is_not_done_again_and_is_in_the_report(plan):
    said: list[str] = []
    report, progress = archive(plan, say=said.append)
    assert said == ["3 files, 3 of them done before, 0 changed since and read again"]
    assert (report.pages, progress.pages) == (3, 0) and len(Shards(plan.output, 1).paths) == 1
    written = json.loads((plan.output / "_report.json").read_text())
    assert written["read"] == 3 and written["run"]["pages"] == 0


def test_another_archive_in_the_folder_is_refused_with_what_differs(plan, tmp_path):
    archive(plan, say=lambda _: None)
    for other, says in [
        (Plan(plan.source, plan.output, Settings(fs_hz=250)), "has fs_hz 500.0, found 250"),
        (Plan(plan.source, plan.output, part=(1, 2)), "has part 1/1, found 1/2"),
        (Plan(str(tmp_path), plan.output), f"has source {plan.source}, found {tmp_path}"),
    ]:
        with pytest.raises(EcgpipeError, match=f"{says}; name another folder"):
            archive(other)


def test_a_second_run_in_the_folder_is_refused(plan):
    def again(_: str) -> None:
        with pytest.raises(EcgpipeError, match="another run writes there"):
            archive(plan)

    archive(plan, say=again)


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(EcgpipeError, match="found no picture there"):
        archive(Plan(str(tmp_path / "in"), tmp_path / "out"))


# ---- with processes


class Archive:
    """A folder of files that a reader of words reads, 50 ms a page, in a process of its own."""

    def __init__(self, folder: Path, pages: int) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "in").mkdir()
        for number in range(pages):
            (folder / "in" / f"{number:03}.png").write_text("read")

    def start(self) -> subprocess.Popen:
        command = ["-m", "examples.archive_stub", str(self.folder / "in"), str(self.folder / "out")]
        options = ["--log", str(self.log), "--delay", "0.05", "--shard", "20"]
        return subprocess.Popen([sys.executable, *command, *options], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)

    def workers(self, run: subprocess.Popen) -> list[psutil.Process]:
        return [one for one in psutil.Process(run.pid).children(recursive=True) if "ray::_Actor" in str(one.cmdline())]

    def begun(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_for(self, pages: int, run: subprocess.Popen) -> None:
        while len(self.begun()) < pages:
            assert run.poll() is None, "it ended before"
            time.sleep(0.02)

    def rows(self) -> Counter[str]:
        return Counter(pq.read_table(self.folder / "out", columns=["path"])["path"].to_pylist())


@pytest.mark.slow
def test_kills_of_workers_and_of_the_driver_lose_no_page_and_double_none(tmp_path):
    whole = Archive(tmp_path, 90)
    run = whole.start()
    whole.wait_for(20, run)
    whole.workers(run)[0].kill()
    whole.wait_for(40, run)
    run.kill()
    run.wait()
    run = whole.start()
    whole.wait_for(60, run)
    run.send_signal(signal.SIGINT)  # what Ctrl-C sends
    assert run.wait(30) != 0
    stopped = whole.rows()  # what was read is in shards, not only in the journal
    assert len(stopped) >= len(set(whole.begun())) - 2
    run = whole.start()
    assert run.wait(60) == 0
    assert whole.rows() == Counter({f"{number:03}.png": 12 for number in range(90)})
    twice = Counter(whole.begun()) - Counter(set(whole.begun()))
    assert twice.total() <= 5  # what was under way: a page of one worker, and twice of both
