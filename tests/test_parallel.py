"""Work in other processes: in order, begun at once, a few items ahead and no more, honest about a child's death."""

import math
import os
import threading
from multiprocessing import active_children

import pytest

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.parallel import ahead, map_processes


def test_results_come_in_the_order_of_the_items():
    assert list(ahead(math.sqrt, [9.0, 4.0, 1.0], 1)) == [3.0, 2.0, 1.0]


def test_work_begins_before_its_results_are_asked_for_and_runs_a_few_items_ahead():
    taken = []
    results = ahead(abs, (taken.append(item) or item for item in range(-20, 0)), 2)
    assert len(taken) == 4
    assert next(results) == 20 and next(results) == 19
    assert len(taken) == 5  # of the second one's successor so far
    assert list(results) == list(range(18, 0, -1))


def test_without_workers_a_thread_of_this_process_begins_at_once():
    begun = threading.Event()
    results = ahead(lambda item: (begun.set(), os.getpid(), item), [1, 2], 0)
    assert begun.wait(10), "before any result is asked for"
    assert [(pid, item) for _, pid, item in results] == [(os.getpid(), 1), (os.getpid(), 2)]


def test_processes_end_with_results_that_nobody_asked_for():
    before = set(active_children())
    results = ahead(abs, range(-3, 0), 1)
    assert len(set(active_children()) - before) == 1
    del results
    assert not set(active_children()) - before, "at the end of the program there would be tracebacks"


def test_a_child_that_dies_is_one_line():
    with pytest.raises(EcgpipeError, match="killed"):
        list(ahead(os._exit, [3], 1))


def test_the_first_error_of_a_child_is_raised():
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        list(map_processes(math.sqrt, [1.0, -1.0], 2))


def test_nothing_to_do_needs_no_process():
    assert list(map_processes(abs, [], 1)) == []
