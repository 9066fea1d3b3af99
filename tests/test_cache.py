"""What is kept is whole or absent, comes back as it was, and belongs to what it was made from."""

import numpy as np
import pytest

from ecgpipe.base import cache
from ecgpipe.base.cache import Cache

MODULE = "ecgpipe.base.tables"


@pytest.fixture
def kept(tmp_path) -> Cache:
    return Cache(tmp_path / "kept", MODULE)


def test_arrays_come_back_bit_for_bit(kept):
    values = np.array([1 / 3, np.nan], np.float32)
    assert kept.arrays(kept.key(1)) is None
    kept.put_arrays(kept.key(1), values=values, step=0.1, reason="none é")
    found = kept.arrays(kept.key(1))
    assert found["values"].dtype == np.float32 and found["values"].tobytes() == values.tobytes()
    assert float(found["step"]) == 0.1 and str(found["reason"]) == "none é"


def test_files_come_back_and_none_of_an_error(kept):
    with pytest.raises(RuntimeError), kept.put_files("a") as folder:
        (folder / "one").touch()
        raise RuntimeError
    assert kept.files("a") is None
    with kept.put_files("a") as folder:
        (folder / "two").touch()
        assert kept.files("a") is None, "not before it is whole"
    assert [path.name for path in kept.files("a").iterdir()] == ["two"]


def test_a_key_tells_what_was_put_in_apart(kept):
    keys = [kept.key(*content) for content in ((), (1,), (1, 2), ((1, 2),), ("1",), ("1", "2"), ("12",))]
    assert len(set(keys)) == len(keys)
    assert kept.key("1", "2") == kept.key("1", "2")


def test_other_code_and_other_data_have_other_keys(kept, tmp_path, monkeypatch):
    (tmp_path / "weights").write_text("1")
    keys = [kept.key(1), Cache(kept.folder, "ecgpipe.base.files").key(1)]
    keys += [Cache(kept.folder, MODULE, (tmp_path / "weights",)).key(1)]
    monkeypatch.setattr(cache, "code_hash", lambda *_: "edited")
    assert len({*keys, kept.key(1)}) == 4


def test_one_generation_is_kept_and_nothing_half_written(kept):
    for name in ("old", "new"):
        kept.put_arrays(name, value=1)
        with kept.put_files(f"{name}er"):
            pass
    (kept.folder / ".new.17.npz").touch()
    (kept.folder / ".newer.17").mkdir()
    kept.keep_only({"new", "newer"})
    assert {path.name for path in kept.folder.iterdir()} == {"new.npz", "newer"}
    kept.keep_only(())
    assert not list(kept.folder.iterdir())


def test_an_empty_cache_has_nothing_to_remove(kept):
    kept.keep_only(())
    assert not kept.folder.exists()
