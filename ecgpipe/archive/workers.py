"""Files to processes of one thread each and their pages' rows back, on a local Ray or on a cluster.

This is Ray's core and not Ray Data, which the same extra would bring. When a worker of Ray Data dies, its block of rows
is tried again, without an end and without a word of which row it was (2.60: one row that killed its worker was tried 18
times in 90 s, `max_errored_blocks` or not); and rows come back block by block, so that a kill costs blocks. Here each
process is an actor that has one file at a time and hands back page after page: the page at which it died is known, no
more than a file a process is ever under way, and whoever takes the results sets the pace.
"""

import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ecgpipe.archive.rows import CRASHED, refused_rows
from ecgpipe.archive.sources import Source
from ecgpipe.base.errors import EcgpipeError

Reader = Callable[[Source, int], Iterator[int | pa.RecordBatch]]

RENEWED_AFTER = 2000  # files, so that what a library keeps of each cannot add up; a start takes as long as 3 pages
MOST_EARLY_DEATHS = 3  # of each process, before any has read a page: then it is not the pages
OBJECT_STORE_BYTES = 128 * 2**20  # of the local Ray; a page takes 0.1 MB
POLL_S = 1.0
CONNECT_S = 10.0

# Of a local Ray: nothing is reported to anyone, nobody else can reach or use it, a worker's death is ours to tell, and
# what pages leave of glibc's memory is used again: 0.5 GB a worker and not 0.9, at the same speed.
LOCAL = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all of it listens on 127.0.0.1, on Linux too
    "RAY_AUTH_MODE": "token",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed",
    "MALLOC_ARENA_MAX": "1",
}


@contextmanager
def cluster(address: str | None, workers: int | None, folder: Path) -> Iterator[int]:
    """A Ray to work on, and how many processes it is to have: that at `address`, else a local one of `workers` cores.

    The local one keeps its own files in `folder`, which is removed before and after. EcgpipeError if there is no Ray at
    `address`.
    """
    if address is None:
        _close()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    else:
        _check(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    try:
        if address is None:
            _init(
                address="local",
                num_cpus=workers or os.cpu_count() or 1,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(folder),
            )
        else:
            _init(address=address)
        cores = int(ray.cluster_resources().get("CPU", 0))
        if not cores:
            raise EcgpipeError(f"{address}: found no cores in this cluster, expected one or more")
        yield min(workers or cores, cores)
    finally:
        ray.shutdown()
        if address is None:
            shutil.rmtree(folder, ignore_errors=True)


def _close() -> None:
    """Close a local Ray to everybody else. It asks for that when it is imported."""
    if "ray" in sys.modules and any(os.environ.get(name) != value for name, value in LOCAL.items()):
        raise EcgpipeError(
            "found Ray in this process already, and open to the network, expected to be the first to load it; "
            "start this in another process, or give the address of a cluster"
        )
    os.environ.update(LOCAL)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _check(address: str) -> None:
    """EcgpipeError if nothing answers at an address, for which Ray itself would wait a quarter of an hour."""
    if address.startswith("ray://"):
        raise EcgpipeError(
            f"{address}: found a Ray client's address, expected HOST:PORT or auto on one of its machines"
        )
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        except OSError as error:
            raise EcgpipeError(f"{address}: no Ray can be reached there: {error.strerror or error}") from None


def _init(**options: Any) -> None:
    import ray

    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError, RuntimeError and others, by what is amiss
        text = " ".join(str(error).split())
        raise EcgpipeError(f"{options['address']}: no Ray can be reached there: {text}") from error


# ---- one process


@dataclass
class Work:
    """A file, and the rows of its pages so far; `pages` is how many it has, None until that is known."""

    source: Source
    pages: int | None = None
    batches: list[pa.RecordBatch] = field(default_factory=list)

    @property
    def page(self) -> int:
        """The page that is read now."""
        return len(self.batches) + 1


class _Actor:
    """What runs in a process."""

    def __init__(self, make_reader: Callable[[], Reader]) -> None:
        self._make = make_reader
        self._reader: Reader | None = None

    def read(self, source: Source, first: int) -> Iterator[object]:
        yield "begun"
        self._reader = self._reader or self._make()
        yield from self._reader(source, first)


class Died(Exception):
    """A process ended while it had a file."""


class Process:
    """A process, started anew when it has died, that reads one file after another with what `make_reader` makes."""

    def __init__(self, make_reader: Callable[[], Reader], timeout_s: float) -> None:
        self._make, self._timeout_s = make_reader, timeout_s
        self._actor: Any = None
        self._files = 0
        self.work: Work | None = None
        self.stream: Any = None

    def begin(self, work: Work) -> None:
        """Set about a file, from its first page that has no rows yet."""
        import ray

        if self._files >= RENEWED_AFTER:
            self.end()
        if self._actor is None:
            once = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "enable_task_events": False}
            self._actor, self._files = ray.remote(_Actor).options(**once).remote(self._make), 0
        self.work, self._files = work, self._files + 1
        self.stream = self._actor.read.options(num_returns="streaming").remote(work.source, work.page)
        self._since: float | None = None

    def take(self) -> bool:
        """Take what comes next of the file, waiting for it; whether that was all. Died, and no file, if it ended."""
        import ray

        assert self.work is not None
        try:
            given = ray.get(next(self.stream))
        except StopIteration:
            self.work = None
            return True
        except ray.exceptions.RayTaskError as error:  # an error of the reader's own, of which no page is the cause
            cause = error.cause
            if isinstance(cause, EcgpipeError):
                raise EcgpipeError(str(cause)) from None
            raise EcgpipeError(
                f"unexpected {type(cause).__name__} in a worker: {' '.join(str(cause).split())}"
            ) from error
        except ray.exceptions.RayError as error:
            self.end()
            raise Died from error
        if isinstance(given, int):
            self.work.pages = given
        elif isinstance(given, pa.RecordBatch):
            self.work.batches.append(given)
        self._since = time.monotonic()
        return False

    def check_time(self) -> None:
        """End the process if a page has taken too long: the next `take` says that it has died."""
        import ray

        if self.work and self._since is not None and time.monotonic() - self._since > self._timeout_s:
            ray.kill(self._actor)

    def end(self) -> None:
        """End the process, whatever it does."""
        import ray

        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = self.work = None


# ---- all of them


def read_all(
    sources: Iterable[Source], make_reader: Callable[[], Reader], workers: int, timeout_s: float
) -> Iterator[Work | None]:
    """Each file once all of its pages have rows, as they get done; None now and then while there is nothing.

    A page that ends its process, or takes more than `timeout_s`, is read again at the end, when nothing else runs; if
    it does so then too its row says CRASHED. Other pages of its file are read all the same. EcgpipeError if processes
    end before any has read a page.
    """
    processes = [Process(make_reader, timeout_s) for _ in range(workers)]
    aside: list[Work] = []
    try:
        yield from _together(iter(sources), processes, aside)
        for process in processes[1:]:
            process.end()
        for work in aside:
            yield from _alone(work, processes[0])
    finally:
        for process in processes:
            process.end()


def _together(sources: Iterator[Source], processes: list[Process], aside: list[Work]) -> Iterator[Work | None]:
    """Files that are read side by side; those whose process has ended are put `aside`."""
    import ray

    read = False
    while True:
        for process in processes:
            if process.work is None and (source := next(sources, None)):
                process.begin(Work(source))
        busy = {process.stream: process for process in processes if process.work}
        if not busy:
            return
        ready, _ = ray.wait(list(busy), timeout=POLL_S)
        for process in [busy[stream] for stream in ready]:
            work = process.work
            assert work is not None
            try:
                if process.take():
                    yield work
            except Died:
                aside.append(work)
                if not read and len(aside) > MOST_EARLY_DEATHS * len(processes):
                    raise EcgpipeError(
                        f"{len(aside)} processes ended before any had read a page, one at {work.source.place}; "
                        "is there memory for them all? --workers says how many run at once"
                    ) from None
            read |= bool(work.batches)
        for process in busy.values():
            process.check_time()
        if not ready:
            yield None


def _alone(work: Work, process: Process) -> Iterator[Work | None]:
    """A file that was put aside, with nothing else running; a page that ends its process again has a row to say so."""
    import ray

    deaths = Counter([work.page])
    process.begin(work)
    while True:
        if not ray.wait([process.stream], timeout=POLL_S)[0]:
            process.check_time()
            yield None
            continue
        try:
            if process.take():
                break
        except Died:
            deaths[work.page] += 1
            if deaths[work.page] > 1:
                work.batches.append(refused_rows(work.source, work.page, work.pages, CRASHED))
            if len(work.batches) >= (work.pages or 1):
                break
            process.begin(work)
    yield work
