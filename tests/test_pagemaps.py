"""A page map that was found is kept by the picture's content, bit for bit; so is that none was found."""

import numpy as np
import pytest

from ecgpipe.base import cache
from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.provenance import imported_files
from ecgpipe.page.geometry import PageMap
from ecgpipe.rectify.pagemaps import KeptMaps
from ecgpipe.rectify.quality import Quality
from ecgpipe.rectify.rectifier import Rectified

SHA256_OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


@pytest.fixture
def maps(tmp_path) -> KeptMaps:
    (tmp_path / "a.png").write_bytes(b"a")
    return KeptMaps(tmp_path / "maps")


@pytest.fixture
def found() -> Rectified:
    nodes = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    return Rectified(PageMap(nodes, 2.5), Quality(0.1, 0.2, 1 / 3, float("nan"), 0.5, 0.6, 3))


def test_what_was_found_comes_back_as_it_was(maps, found, tmp_path):
    assert maps.take(tmp_path / "a.png") is None
    assert maps.of(SHA256_OF_A, lambda: found) is found
    again = maps.of(SHA256_OF_A, lambda: pytest.fail("was looked for again"))
    for kept in (again, maps.take(tmp_path / "a.png")):
        assert kept.page_map.nodes.dtype == np.float32 and np.array_equal(kept.page_map.nodes, found.page_map.nodes)
        assert str(kept.quality.figures()) == str(found.quality.figures()) and isinstance(kept.quality.turns, int)


def test_a_picture_without_a_page_is_not_searched_again(maps, tmp_path):
    def refuse():
        raise PageNotFound("no 5 mm grid found")

    for find in (refuse, lambda: pytest.fail("was looked for again")):
        with pytest.raises(PageNotFound, match="no 5 mm grid found"):
            maps.of(SHA256_OF_A, find)
    with pytest.raises(PageNotFound, match="no 5 mm grid found"):
        maps.take(tmp_path / "a.png")


def test_other_code_looks_again(maps, found, tmp_path, monkeypatch):
    maps.of(SHA256_OF_A, lambda: found)
    monkeypatch.setattr(cache, "code_hash", lambda *_: "edited")
    assert maps.take(tmp_path / "a.png") is None


def test_what_was_found_in_other_pictures_is_removed(maps, found):
    for sha256 in (SHA256_OF_A, "b"):
        maps.of(sha256, lambda: found)
    maps.keep_only([SHA256_OF_A])
    assert [path.stem for path in maps.folder.iterdir()] == [maps.cache.key(SHA256_OF_A)]


def test_the_key_covers_the_code_that_finds_pages_and_none_that_reads_them():
    files = {path.as_posix() for path in imported_files("ecgpipe.rectify.pagemaps")}
    assert {"ecgpipe/page/geometry.py", "ecgpipe/rectify/refine.py", "ecgpipe/rectify/seed.py"} <= files
    assert not [file for file in files if file.startswith(("ecgpipe/trace", "ecgpipe/training", "ecgpipe/competition"))]
