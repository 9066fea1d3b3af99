"""Files and folders are whole or as they were, whatever happens while they are written."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgpipe.base.files import atomic_folder, atomic_path, link_or_copy, sha256_of


class Stopped(Exception):
    """What stops a writer half-way."""


def content(folder: Path) -> dict[str, str]:
    """Every file below `folder`, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_file_appears_when_it_is_whole_in_a_folder_that_need_not_be_there(tmp_path):
    with atomic_path(tmp_path / "a" / "b.csv") as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".csv" and not (tmp_path / "a" / "b.csv").exists()
    assert content(tmp_path) == {"a/b.csv": "new"}


@pytest.mark.parametrize("before", [{}, {"b.csv": "old"}])
def test_a_writer_that_is_stopped_leaves_what_was_there_and_nothing_else(tmp_path, before):
    for name, text in before.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Stopped), atomic_path(tmp_path / "b.csv") as temporary:
        temporary.write_text("ne")
        raise Stopped
    assert content(tmp_path) == before


def test_a_folder_is_replaced_with_all_in_it(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "new").write_text("new")
        assert content(tmp_path / "out") == {"old": "old"}
    assert content(tmp_path) == {"out/new": "new"}


def test_a_folder_whose_writer_is_stopped_is_as_it_was(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(Stopped), atomic_folder(tmp_path / "out") as temporary:
        (temporary / "new").write_text("ne")
        raise Stopped
    assert content(tmp_path) == {"out/old": "old"}


def test_what_a_killed_writer_left_behind_is_not_taken_over(tmp_path):
    left = tmp_path / f".out.{os.getpid()}"
    left.mkdir()
    (left / "half").write_text("ha")
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "new").write_text("new")
    assert content(tmp_path) == {"out/new": "new"}


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_linked_or_where_the_disk_has_no_links_copied(tmp_path, monkeypatch, links):
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    source, target = tmp_path / "source", tmp_path / "far" / "target"
    source.write_text("content")
    link_or_copy(source, target)
    assert target.read_text() == "content" and target.samefile(source) is links


@given(st.binary(max_size=2000))
def test_a_hash_is_that_of_the_content(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("hash") / "a"
    path.write_bytes(data)
    assert sha256_of(path) == hashlib.sha256(data).hexdigest()
