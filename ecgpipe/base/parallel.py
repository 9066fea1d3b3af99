"""Work spread over processes, in the order of the items, or over two threads."""

import os
import signal
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TypeVar

from ecgpipe.base.errors import EcgpipeError

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`map(function, items)` over `workers` processes of one thread each; in this process when `workers` is 1.

    `function` is a module's top-level function; the first error of a child is raised here.
    """
    if workers == 1:
        return map(function, items)
    return ahead(function, items, workers)


def ahead(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """As `map_processes`, but always in other processes, and begun before the first result is asked for.

    With 0 `workers` it is a thread of this process, which for a single item saves the start of another. No more than a
    few results wait at a time. A child that is killed raises EcgpipeError.
    """
    # spawn: a child forked from a process whose torch or OpenCV threads have run may hang
    pool = (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_child)
        if workers
        else ThreadPoolExecutor(1)
    )
    items = iter(items)
    waiting = deque(pool.submit(function, item) for item in islice(items, 2 * workers or 1))

    def results() -> Iterator[Result]:
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(items, 1))
        except BrokenProcessPool as error:
            raise EcgpipeError("a process was killed while it worked, perhaps for want of memory") from error
        finally:
            pool.shutdown(cancel_futures=True)

    iterator = results()
    weakref.finalize(iterator, pool.shutdown, cancel_futures=True)  # a generator that never ran has no `finally`
    return iterator


def leave_cores(workers: int) -> None:
    """Give this process's numerical libraries the cores that `workers` others leave, unless OMP_NUM_THREADS is set.

    A few threads are faster than many that wait for busy cores.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - workers)))


def both(function: Callable[[int], Result]) -> tuple[Result, Result]:
    """`function(0)` here and `function(1)` in a thread: for array work, which releases the interpreter's lock."""
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(function, 1)
        return function(0), second.result()


def _start_child() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    # a parent that is killed tells nobody: without this its children would wait for work for ever
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _single_thread()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "called in a child only"
    wait([parent.sentinel])
    os._exit(1)


def _single_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # for what the child imports later; trace.network asks it
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    import cv2

    cv2.setNumThreads(1)
