"""The journal: whatever is cut off, the whole records before it are there, and it goes on from them."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ecgpipe.archive.journal import Journal


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_a_kill_at_any_byte_costs_no_record_that_was_whole(records, data):
    with tempfile.TemporaryDirectory() as folder:
        path, ends = Path(folder, "journal"), [0]
        journal = Journal(path)
        for record in records:
            journal.append(record)
            ends.append(path.stat().st_size)
        journal.close()
        cut = data.draw(st.integers(0, ends[-1]))
        with path.open("r+b") as file:
            file.truncate(cut)
        whole = records[: sum(end <= cut for end in ends) - 1]
        journal = Journal(path)
        assert list(journal) == whole and journal.count == len(whole)
        journal.append(b"after")
        assert list(Journal(path)) == [*whole, b"after"]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.data())
def test_no_record_that_was_spoilt_is_taken_for_one(records, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        journal = Journal(path)
        for record in records:
            journal.append(record)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        read = list(Journal(path))
        assert read == records[: len(read)] and len(read) < len(records)


def test_what_is_cleared_is_gone(tmp_path):
    journal = Journal(tmp_path / "deep" / "journal")
    journal.append(b"1")
    journal.clear()
    assert not list(journal) and not journal.count and not (tmp_path / "deep" / "journal").stat().st_size
