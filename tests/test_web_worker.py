"""What crashes, hangs or fails in the worker costs that job, and is said in one line."""

import os
import time

import pytest

from ecgpipe.base.errors import EcgpipeError, PageNotFound
from ecgpipe.web.worker import Worker


def work(job, tell):
    tell("stage", f"doing {job}")
    if job == "refuse":
        raise PageNotFound("nothing there")
    if job == "fail":
        raise ValueError("/a/secret/path")
    if job == "crash":
        os._exit(9)
    if job == "hang":
        time.sleep(60)
    return os.getpid(), job


@pytest.fixture(scope="module")
def worker():
    worker = Worker(work, limit_s=1.5)
    yield worker
    worker.close()


def test_jobs_are_done_in_one_other_process_that_tells_how_far_it_is(worker):
    told = []
    first, one = worker.do("one", lambda *what: told.append(what))
    second, two = worker.do("two", lambda *what: told.append(what))
    assert (one, two) == ("one", "two") and first == second != os.getpid()
    assert told == [("stage", "doing one"), ("stage", "doing two")]


@pytest.mark.parametrize(
    ("job", "line"),
    [
        ("refuse", "nothing there"),
        ("fail", "cannot be read: unexpected ValueError"),  # and not what it says, which may name a file
        ("crash", "ended, perhaps for want of memory"),
        ("hang", "not read within 1.5 s"),
    ],
)
def test_a_job_that_fails_costs_its_line_and_the_next_is_done(worker, job, line):
    with pytest.raises(EcgpipeError, match=line) as refusal:
        worker.do(job, lambda *what: None)
    assert "secret" not in str(refusal.value) and "\n" not in str(refusal.value)
    assert worker.do("after", lambda *what: None)[1] == "after"


def test_a_closed_worker_has_no_process(worker):
    process, _ = worker.do("one", lambda *what: None)
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
