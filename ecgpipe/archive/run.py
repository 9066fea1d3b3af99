"""An archive from end to end: what is left to do is read and kept, and counted with what was there before."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ecgpipe.archive.done import Done
from ecgpipe.archive.reader import PageReader, Settings
from ecgpipe.archive.report import Progress, Report
from ecgpipe.archive.shards import Shards
from ecgpipe.archive.sources import Source, is_url, sources_of
from ecgpipe.archive.workers import Reader, cluster, read_all
from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.files import atomic_path

SHOWN_EVERY_S = 10.0
PLAN, REPORT = "_archive.json", "_report.json"


@dataclass(frozen=True)
class Plan:
    """Which files are to be read, how, and into which folder. What follows `part` may differ when it is resumed.

    `part` (i, n) takes the i-th of n shares. `address` is a cluster's, None a local Ray's, `workers` how many processes
    it is to have, None as many as there are cores; `timeout_s` is the longest that a page may take.
    """

    source: str
    output: Path
    settings: Settings = field(default_factory=Settings)
    part: tuple[int, int] = (1, 1)
    address: str | None = None
    workers: int | None = None
    files_per_shard: int = 500
    timeout_s: float = 600.0

    def identity(self) -> dict[str, Any]:
        """What makes it this archive and no other."""
        source = self.source if is_url(self.source) else os.path.abspath(self.source)
        return {"source": source, "part": "{}/{}".format(*self.part), **asdict(self.settings)}


def archive(
    plan: Plan,
    make_reader: Callable[[], Reader] | None = None,
    say: Callable[[str], None] = print,
    every_s: float = SHOWN_EVERY_S,
) -> tuple[Report, Progress]:
    """Read all files of a plan that its shards do not have yet, and count the pages of all of them.

    `make_reader` makes what reads in each process, a PageReader if it is not given; `say` is told every `every_s` how
    far it is. EcgpipeError if another run writes there, if another archive lies there, or if it cannot be written.
    Ctrl-C and SIGTERM raise KeyboardInterrupt when what has been read is in a shard.
    """
    try:
        with _sole(plan.output):
            _agree(plan)
            return _archive(plan, make_reader or partial(PageReader, plan.settings), say, every_s)
    except OSError as error:
        raise EcgpipeError(f"{plan.output}: cannot be written: {error.strerror or error}") from error


def _archive(
    plan: Plan, make_reader: Callable[[], Reader], say: Callable[[str], None], every_s: float
) -> tuple[Report, Progress]:
    shards = Shards(plan.output, plan.files_per_shard)
    try:
        done = Done(shards.facts())
        total, new, changed = _survey(plan, done)
        shards.drop(changed)
        report = Report(shards.facts())
        progress = Progress(total, total - new - len(changed))
        say(f"{total:,} files, {progress.done:,} of them done before, {len(changed):,} changed since and read again")
        if progress.done < total:
            with cluster(plan.address, plan.workers, _ray_folder(plan.output)) as workers, _stopped_by(signal.SIGTERM):
                todo = (source for source in _sources(plan) if done.state(source) != "done")
                last = time.monotonic()
                for work in read_all(todo, make_reader, workers, plan.timeout_s):
                    if work is not None:
                        report.add(shards.add(work.batches))
                        progress.add(len(work.batches))
                    if time.monotonic() - last >= every_s:
                        say(progress.line())
                        last = time.monotonic()
    finally:
        shards.commit()
        shards.close()
    with atomic_path(plan.output / REPORT) as temporary:
        temporary.write_text(json.dumps(report.figures() | {"run": progress.figures()}, indent=2) + "\n")
    return report, progress


def _sources(plan: Plan) -> Iterator[Source]:
    return sources_of(plan.source, plan.output, plan.part)


def _survey(plan: Plan, done: Done) -> tuple[int, int, set[str]]:
    """How many files there are, how many of them are new, and the ids of those that have changed."""
    total, new, changed = 0, 0, set()
    for source in _sources(plan):
        total += 1
        state = done.state(source)
        new += state == "new"
        if state == "changed":
            changed.add(source.id)
    if not total and plan.part == (1, 1):
        raise EcgpipeError(f"{plan.source}: found no picture there")
    return total, new, changed


# ---- one archive in one folder, one run at a time


@contextmanager
def _sole(output: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EcgpipeError(f"{output}: another run writes there; wait for its end, or name another folder") from None
    try:
        yield
    finally:
        lock.release()


def _agree(plan: Plan) -> None:
    """Note what makes the archive in its folder, or EcgpipeError if what lies there was made from something else."""
    path, ours = plan.output / PLAN, plan.identity()
    if not path.exists():
        if any(plan.output.glob("shard-*.parquet")):
            raise EcgpipeError(f"{plan.output}: found shards but no {PLAN}; name another folder")
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(ours, indent=2) + "\n")
        return
    try:
        theirs = dict(json.loads(path.read_text()))
    except ValueError as error:
        raise EcgpipeError(f"{path}: not JSON: {error}") from None
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise EcgpipeError(f"{plan.output}: has {name} {theirs.get(name)}, found {value}; name another folder")


def _ray_folder(output: Path) -> Path:
    """Where a local Ray has its sockets, whose paths must be short: the same for each run of one archive."""
    base = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())
    return base / f"ecgpipe-ray-{sha256(str(output.resolve()).encode()).hexdigest()[:8]}"


@contextmanager
def _stopped_by(number: signal.Signals) -> Iterator[None]:
    """A signal raises KeyboardInterrupt within the block, if that runs in the main thread."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, stop)
    try:
        yield
    finally:
        signal.signal(number, before)
