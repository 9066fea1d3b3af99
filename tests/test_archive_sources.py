"""Which files an archive has, under which names, and when one of them counts as changed."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fsspec", reason="fsspec is not installed; `pip install -c constraints.txt '.[scale]'`")

from ecgpipe.archive.sources import MISSING, sources_of
from ecgpipe.base.errors import EcgpipeError


@pytest.fixture
def folder(tmp_path):
    """A folder with pictures in depth, and with what is none."""
    for name in ("b.png", "a/2.TIF", "a/1.jpg", ".hidden/x.png", "a/.x.png", "notes.txt", "b.overlay.jpg", "out/c.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    return tmp_path / "in"


def paths(given, **options):
    return [source.path for source in sources_of(str(given), **{"output": given / "out", **options})]


def test_a_folder_gives_its_pictures_however_deep_but_none_of_its_results(folder):
    assert paths(folder) == ["b.png", "a/1.jpg", "a/2.TIF"]


def test_a_store_gives_the_same_pictures_with_urls_as_paths_and_a_pattern_those_that_match(folder):
    url = folder.as_uri()
    found = {source.path for source in sources_of(url, folder / "elsewhere")}
    assert found == {f"{url}/{name}" for name in ("b.png", "a/1.jpg", "a/2.TIF", "out/c.png")}
    assert [source.path for source in sources_of(f"{url}/**/*.jpg", folder)] == [f"{url}/a/1.jpg"]


@pytest.mark.parametrize("name, text", [("l.txt", "{}\n\n{}\n{}\n"), ("l.csv", "ward,path\n1,{}\n2,{}\n1,{}\n")])
def test_a_list_names_files_from_where_it_lies_each_once_missing_ones_too(folder, name, text):
    (folder / name).write_text(text.format("a/1.jpg", "gone.png", "a/1.jpg"))
    one, gone = sources_of(str(folder / name), folder)
    assert (one.path, one.place) == ("a/1.jpg", str(folder / "a/1.jpg"))
    assert gone.version == MISSING != one.version


def test_a_list_of_urls_knows_their_versions(folder):
    (folder / "l.txt").write_text(f"{(folder / 'b.png').as_uri()}\n{(folder / 'gone.png').as_uri()}\n")
    there, gone = sources_of(str(folder / "l.txt"), folder)
    assert there.path == there.place == (folder / "b.png").as_uri() and there.version != MISSING == gone.version


@pytest.mark.parametrize(
    "given, says",
    [
        ("nowhere", "found no such place, expected a folder, a list"),
        ("b.png", "found something else, expected a folder, a list"),
        ("nowhere.txt", "no such file, expected a list of paths"),
        ("bad.csv", "found the columns ward,file, expected one called path"),
        ("latin.txt", "not text in UTF-8"),
        ("nonsense://bucket", "Protocol not known: nonsense"),
        ("zip://*.png::file:///x.zip", "found a chain of URLs"),
        ("file:///no/such/folder", "found nothing there"),
    ],
)
def test_anything_else_is_said_on_one_line(folder, monkeypatch, given, says):
    monkeypatch.chdir(folder)
    (folder / "bad.csv").write_text("ward,file\n1,b.png\n")
    (folder / "latin.txt").write_bytes("März.png".encode("latin-1"))
    with pytest.raises(EcgpipeError, match=says) as raised:
        list(sources_of(given, folder / "out"))
    assert given in str(raised.value) and "\n" not in str(raised.value)


def test_the_id_is_the_paths_alone_and_the_version_the_contents(folder):
    first, *_ = before = list(sources_of(str(folder), folder / "out"))
    os.utime(folder / "b.png", ns=(1, 1))
    after, *others = sources_of(str(folder), folder / "out")
    assert after.id == first.id and after.version != first.version and others == before[1:]


@given(st.integers(1, 9), st.sets(st.integers(0, 10**6), min_size=1, max_size=30))
def test_shares_are_all_of_it_and_have_nothing_in_common(of, numbers):
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "all.txt")
        listed.write_text("\n".join(f"{number}.png" for number in numbers))
        shares = [list(sources_of(str(listed), Path(folder), (number + 1, of))) for number in range(of)]
    assert sorted(one.path for share in shares for one in share) == sorted(f"{number}.png" for number in numbers)


def test_the_shares_of_a_folder(folder):
    shares = [paths(folder, part=(number, 3)) for number in (1, 2, 3)]
    assert sorted(path for share in shares for path in share) == sorted(paths(folder))
