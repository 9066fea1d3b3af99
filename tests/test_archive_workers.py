"""Processes on a local Ray: a page that ends its process is named and costs no other; it is closed to the outside."""

import os
import signal
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("ray") is None:  # not imported here, as a local Ray is set up before
    pytest.skip("ray is not installed; `pip install -c constraints.txt '.[scale]'`", allow_module_level=True)

from ecgpipe.archive.reader import PageReader, Settings
from ecgpipe.archive.sources import sources_of
from ecgpipe.archive.workers import cluster, read_all
from ecgpipe.base.errors import EcgpipeError
from examples.archive_stub import StubReader

pytestmark = pytest.mark.slow  # Ray takes seconds to start
RAY = Path("/tmp" if os.name == "posix" else os.environ["TEMP"]) / f"ecgpipe-test-{os.getpid()}"


@pytest.fixture(scope="module", autouse=True)
def ray():
    """A local Ray of two processes, for all tests here."""
    with cluster(None, 2, RAY) as workers:
        assert workers == 2 and RAY.is_dir()
        yield
    assert not RAY.exists()


@pytest.fixture
def read(tmp_path):
    """What becomes of files of these words: by file and page the reason, None for a page that was read; how often each
    page was begun."""

    def read(timeout_s: float = 60, **words: str):
        for name, story in words.items():
            (tmp_path / f"{name}.png").write_text(story)
        make = partial(StubReader, tmp_path / "log")
        works = read_all(sources_of(str(tmp_path), tmp_path / "out"), make, 2, timeout_s)
        rows = [batch.to_pylist()[0] for work in works if work for batch in work.batches]
        assert len({(row["path"], row["page"]) for row in rows}) == len(rows)
        lines = (tmp_path / "log").read_text().splitlines()
        begun = {line.replace(".png ", ""): lines.count(line) for line in lines}
        return {f"{row['path'][:-4]}{row['page']}": row["reason"] for row in rows}, begun

    return read


def test_a_page_that_ends_two_processes_is_named_and_all_others_are_read(read):
    many = {f"x{number}": "read" for number in range(6)}
    reasons, begun = read(a="read segv warn", b="once", **many)
    assert reasons == {"a1": None, "a2": "crashed", "a3": None, "b1": None} | {f"{name}1": None for name in many}
    assert begun == dict.fromkeys(reasons, 1) | {"a2": 2, "b1": 2}


def test_a_page_that_never_ends_counts_as_one_that_crashes(read):
    assert read(timeout_s=5, a="read hang", b="read")[0] == {"a1": None, "a2": "crashed", "b1": None}


def test_processes_that_all_end_are_no_fault_of_the_pages(read):
    with pytest.raises(EcgpipeError, match="7 processes ended before any had read a page"):
        read(**{f"x{number}": "oom" for number in range(9)})


def test_what_is_wrong_with_the_reader_itself_is_one_line(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    make = partial(PageReader, Settings(layout="5x5"))
    sources = sources_of(str(tmp_path), tmp_path / "out")
    rows = [work.batches[0].to_pylist()[0] for work in read_all(sources, make, 1, 60) if work]
    assert rows[0]["reason"].startswith("layout: found 5x5")


def test_nothing_listens_but_on_this_machines_own_address():
    import psutil

    tree = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = set()
    for process in tree:
        with suppress(psutil.NoSuchProcess):  # has ended meanwhile
            connections = [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
            listening |= {one.laddr.ip.removeprefix("::ffff:") for one in connections}
    assert listening == {"127.0.0.1"}


def test_it_reports_to_nobody():
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
