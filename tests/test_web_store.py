"""Sessions end by themselves, and nothing that was sent outlives them."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ecgpipe.web.limits import Limits
from ecgpipe.web.store import PREFIX, Full, Store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Store(Limits(uploads=3, sessions=2, upload_mb=1, store_mb=3, idle_s=0.2, left_s=0.05))
    yield store
    store.end()


def put(store, session, content=b"x"):
    with store.place(session) as path:
        path.write_bytes(content)
    return session.add(path)


def test_only_the_owner_can_read_what_is_kept_and_its_name_tells_nothing(store):
    page = put(store, store.open())
    assert store.folder.stat().st_mode & 0o777 == 0o700 and page.path.parent.stat().st_mode & 0o777 == 0o700
    assert page.path.name == "1" and page.name == "ecg-1"


def test_sessions_and_pages_cannot_be_guessed(store):
    one, other = store.open(), store.open()
    assert one.token != other.token and len(one.token) >= 43
    assert store.get(one.token) is one and store.get("") is None and store.get(one.token[:-1]) is None
    assert len(put(store, one).id) >= 16


def test_an_idle_session_ends_and_one_that_was_left_sooner(store):
    idle, left = store.open(), store.open()
    page = put(store, left)
    left.left = True
    time.sleep(0.08)
    store.expire()
    assert store.get(left.token) is None and page.gone and not page.path.exists()
    assert store.get(idle.token) is idle
    time.sleep(0.25)
    store.expire()
    assert store.get(idle.token) is None and not any(store.folder.iterdir())


def test_a_tab_that_comes_back_keeps_its_session(store):
    session = store.open()
    session.left = True
    assert store.get(session.token) is session
    time.sleep(0.08)
    store.expire()
    assert store.get(session.token) is session


def test_there_are_only_so_many_sessions_files_and_bytes(store):
    session, other = store.open(), store.open()
    with pytest.raises(Full, match="2 sessions"):
        store.open()
    for _ in range(2):
        put(store, session, bytes(900_000))
    with store.place(session), pytest.raises(Full, match="as much as it may"), store.place(other):
        pass
    put(store, other)
    with pytest.raises(Full, match="3 files"), store.place(session):
        pass


def test_a_file_that_does_not_come_whole_leaves_nothing(store):
    with pytest.raises(KeyError), store.place(store.open()) as path:
        path.write_bytes(b"half")
        raise KeyError
    assert not path.exists()


def test_a_file_goes_with_its_last_page(store):
    session = store.open()
    first = put(store, session)
    second = session.add(first.path, first.upload, 2, 2)
    second.shown.write_bytes(b"picture")
    session.remove(second)
    assert first.path.exists() and not second.shown.exists()
    session.remove(first)
    assert not first.path.exists() and not session.pages


def test_the_end_leaves_nothing_and_what_a_killed_server_left_goes_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    theirs, alive, other = (tmp_path / name for name in (f"{PREFIX}{dead.pid}-abc", f"{PREFIX}{os.getppid()}-abc", "x"))
    for folder in (theirs, alive, other):
        folder.mkdir()
        Path(folder, "file").touch()
    store = Store(Limits())
    put(store, store.open())
    store.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, "x"])
