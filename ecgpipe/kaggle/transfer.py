"""Files from Kaggle into a folder, several at once, each whole or absent. Killed at any moment, the next run goes on.

A finished file carries the listing's creation date as its own date: size and date say that it is the listed version,
and there is no ledger that could disagree with what lies there. An unfinished one lies in `.partial` under a name with
that version in it, so that bytes of two versions are never joined.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

from ecgpipe.base.errors import DataError, KaggleError
from ecgpipe.kaggle.bundles import ZIP_START, is_zip, unpack_only_member
from ecgpipe.kaggle.errors import Interrupted
from ecgpipe.kaggle.remote import Body, KaggleCompetition, RemoteFile

PARTIAL = ".partial"
DATE_TOLERANCE_S = 2.0  # some file systems keep dates to two seconds
BACKOFF_MAX_S = 60.0

ReportBytes = Callable[[int, int], None]  # bytes done, bytes to do in all


@dataclass(frozen=True)
class Transfer:
    """What a run fetched, and how many files it found finished."""

    fetched: tuple[RemoteFile, ...]
    kept: int

    @property
    def fetched_bytes(self) -> int:
        return sum(file.bytes for file in self.fetched)


def fetch_files(
    kaggle: KaggleCompetition,
    files: Sequence[RemoteFile],
    listing: Sequence[RemoteFile],
    folder: Path,
    report: ReportBytes,
) -> Transfer:
    """Bring those of `files`, which are some of `listing`, that `folder` lacks or has in another version.

    KaggleError at once when Kaggle refuses, or at the end when single files failed. What has come stays in any case.
    """
    for file in files:
        check_path(file.path)
    try:
        with _alone_in(folder):
            _sweep(folder, listing)
            missing = [file for file in files if not is_current(folder / file.path, file)]
            check_disk(folder, sum(max(0, file.bytes - _size(_partial(folder, file))) for file in missing))
            _Run(kaggle, folder, missing, report).fetch()
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be used ({error.strerror}); mend that and run again"
        ) from None
    return Transfer(tuple(missing), len(files) - len(missing))


def is_current(path: Path, file: RemoteFile) -> bool:
    """Whether `path` is a finished download of this version of the file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == file.bytes and abs(found.st_mtime - file.created_s) < DATE_TOLERANCE_S


def check_path(path: str) -> None:
    """KaggleError unless a remote path stays below the folder it is put into."""
    parts = path.split("/")
    if not path or "\\" in path or "\0" in path or ":" in path or {"", ".", ".."} & set(parts) or parts[0] == PARTIAL:
        raise KaggleError(f"found the file name {path!r} in Kaggle's listing, expected a path inside the data set")


def check_disk(folder: Path, needed_bytes: int) -> None:
    """DataError unless the disk of `folder` has room for `needed_bytes`."""
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise DataError(
            f"{folder}: found {free / 1e9:.2f} GB free, expected {needed_bytes / 1e9:.2f} GB for what is to come; "
            "free some, choose a folder on another disk, or choose fewer kinds or records"
        )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    (folder / PARTIAL).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):  # given back by the system when the process is killed
            yield
    except Timeout:
        raise DataError(f"{folder}: found another download at work here, expected none; wait for its end") from None


def _sweep(folder: Path, listing: Sequence[RemoteFile]) -> None:
    """Remove unfinished files of versions that are no longer listed."""
    listed = {_partial(folder, file) for file in listing}
    for path in (folder / PARTIAL).iterdir():
        if path not in listed:
            path.unlink()


class _Run:
    """The files of one run, fetched by as many threads as `connections` says."""

    def __init__(
        self, kaggle: KaggleCompetition, folder: Path, files: Sequence[RemoteFile], report: ReportBytes
    ) -> None:
        self.kaggle, self.options, self.folder, self.files = kaggle, kaggle.options, folder, files
        self.bytes_of = dict.fromkeys(files, 0)
        self.done_bytes, self.total_bytes = 0, sum(file.bytes for file in files)
        self.report, self.lock, self.stop = report, threading.Lock(), threading.Event()
        self.faults: list[str] = []

    def fetch(self) -> None:
        with ThreadPoolExecutor(self.options.connections) as pool:
            futures = [pool.submit(self._fetch_one, file) for file in self.files]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:  # all are done, one failed or the user interrupts: the others end at their next chunk
                self.stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        errors = [error for future in futures if not future.cancelled() and (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, _Stopped)):
            raise error
        if self.faults:
            raise KaggleError(f"{min(self.faults)}; {len(self.faults)} of {len(self.files)} files failed, {_RESUME}")

    def _fetch_one(self, file: RemoteFile) -> None:
        """Bring one file; a fault of this file alone is noted, so that it does not keep the others from coming."""
        part, failures = _partial(self.folder, file), 0
        while not self.stop.is_set():
            before = _size(part)
            try:
                if not _is_whole(file, part):
                    self._append(file, part)
                return self._finish(file, part)
            except Interrupted as error:
                failures = 1 if _size(part) > before else failures + 1  # what moves may go on
                if failures == self.options.attempts:
                    return self.faults.append(f"{file.path}: {error}, {failures} attempts made")
                self.stop.wait(min(BACKOFF_MAX_S, self.options.backoff_s * 2**failures))
            except DataError as error:
                return self.faults.append(str(error))
            except KaggleError as error:
                if error.status != 404:  # listed, yet not there
                    raise
                return self.faults.append(str(error))

    def _append(self, file: RemoteFile, part: Path) -> None:
        """Complete `part`, from where it stopped if the server can."""
        body = self.kaggle.open(file.path, _size(part))
        first = next(body.chunks, b"")
        zipped = _may_be_wrapped(file) and (is_zip(part) if body.offset else first.startswith(ZIP_START))
        _check_total(file, body, zipped, part)
        with part.open("r+b" if part.exists() else "wb") as out:
            out.seek(body.offset)
            out.truncate()
            for chunk in chain([first], body.chunks):
                if self.stop.is_set():
                    raise _Stopped("stopped")
                out.write(chunk)
                if out.tell() > file.bytes and not zipped:
                    break
                self._tell(file, min(out.tell(), file.bytes))
            out.flush()
            os.fsync(out.fileno())
        if body.total is not None and _size(part) < body.total:
            raise Interrupted(f"found {_size(part)} bytes, expected the {body.total} that the server announced")

    def _finish(self, file: RemoteFile, part: Path) -> None:
        """Move the finished `part` to its place; a zip that Kaggle made of the file is unpacked first."""
        if _size(part) != file.bytes and _may_be_wrapped(file) and is_zip(part):
            unpack_only_member(part, file.path, file.bytes)
        if (found := _size(part)) != file.bytes:
            if found > file.bytes:
                part.unlink()
            raise Interrupted(_wrong_length(file, found))
        os.utime(part, (file.created_s, file.created_s))
        target = self.folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, target)
        self._tell(file, file.bytes)

    def _tell(self, file: RemoteFile, done_bytes: int) -> None:
        with self.lock:
            self.done_bytes += done_bytes - self.bytes_of[file]
            self.bytes_of[file] = done_bytes
            self.report(self.done_bytes, self.total_bytes)


_RESUME = "the others are there; run again to go on"


class _Stopped(Exception):
    """Another file failed or the user interrupted: what has come stays."""


def _check_total(file: RemoteFile, body: Body, zipped: bool, part: Path) -> None:
    """Interrupted, before the body is read, if what the server announces is not the listed file."""
    if body.total is not None and body.total != file.bytes and not zipped:
        part.unlink(missing_ok=True)
        raise Interrupted(_wrong_length(file, body.total))


def _may_be_wrapped(file: RemoteFile) -> bool:
    """Whether Kaggle may send the file as a zip of it, as it does with tables."""
    return not file.path.endswith(".zip")


def _is_whole(file: RemoteFile, part: Path) -> bool:
    """Whether an earlier run was killed between the last byte and the move; of a wrapped file nobody knows the end."""
    return _size(part) == file.bytes > 0 and not (_may_be_wrapped(file) and is_zip(part))


def _wrong_length(file: RemoteFile, found: int) -> str:
    return f"found {found} bytes, expected the {file.bytes} of Kaggle's listing"


def _partial(folder: Path, file: RemoteFile) -> Path:
    version = f"{file.path}\n{file.bytes}\n{file.created}"
    return folder / PARTIAL / sha256(version.encode()).hexdigest()[:32]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
