"""One process that does one job after another, so that what crashes or hangs there costs that job and no more."""

import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ecgpipe.base.errors import EcgpipeError

Tell = Callable[[str, Any], None]
Function = Callable[[Any, Tell], Any]
LEAVING_S = 2.0  # that an idle process is given to end by itself


class Worker:
    """A process that calls `function(job, tell)`, a module's top-level function, on jobs that it is given.

    `prepare()`, if given, runs when the process starts. A job that takes longer than `limit_s` is ended with the
    process, and the next job gets a new one.
    """

    def __init__(self, function: Function, limit_s: float, prepare: Callable[[], object] | None = None) -> None:
        self._function, self._prepare, self._limit_s = function, prepare, limit_s
        self._lock = threading.Lock()  # one job at a time
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start the process, if none runs."""
        with self._lock:
            self._started()

    def do(self, job: object, told: Tell) -> Any:
        """The result of a job; `told` is given what the function tells meanwhile. EcgpipeError where there is none."""
        with self._lock:
            connection = self._started()
            try:
                connection.send(job)
                return self._result(connection, told)
            except (EOFError, OSError):
                self._end()
                raise EcgpipeError("the process that read it was ended, perhaps for want of memory") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        process = self._process
        if self._lock.acquire(timeout=LEAVING_S):
            try:
                self._end()
            finally:
                self._lock.release()
        elif process is not None:  # in the middle of a job
            process.kill()

    def _result(self, connection: Connection, told: Tell) -> Any:
        deadline = time.monotonic() + self._limit_s
        while connection.poll(max(deadline - time.monotonic(), 0.0)):
            kind, content = connection.recv()
            if kind == "result":
                return content
            if kind == "error":
                raise EcgpipeError(content)
            told(kind, content)
        self._end()
        raise EcgpipeError(f"not read within {self._limit_s:g} s, and given up")

    def _started(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._connection is None:
            self._end()
            context = get_context("spawn")  # a child forked from a process with threads may hang
            self._connection, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._function, self._prepare), name="ecgpipe-reader", daemon=True
            )
            self._process.start()
            theirs.close()
        return self._connection

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _serve(connection: Connection, function: Function, prepare: Callable[[], object] | None) -> None:
    """The process: ends when the other end of `connection` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    try:
        if prepare is not None:
            prepare()
        while True:
            job = connection.recv()
            connection.send(_answer(connection, function, job))
    except (EOFError, BrokenPipeError):
        return


def _answer(connection: Connection, function: Function, job: object) -> tuple[str, Any]:
    one_at_a_time = threading.Lock()  # a job may tell from several threads

    def tell(kind: str, content: Any) -> None:
        with one_at_a_time:
            connection.send((kind, content))

    try:
        return "result", function(job, tell)
    except EcgpipeError as error:
        return "error", str(error)
    except MemoryError:
        return "error", "too little memory to read it; scale the picture down"
    except BrokenPipeError:
        raise
    except Exception as error:  # one picture's surprise; what it says may hold a path, so only its kind goes on
        return "error", f"cannot be read: unexpected {type(error).__name__}"
