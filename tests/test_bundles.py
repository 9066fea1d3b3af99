"""A zip from elsewhere is unpacked whole or not at all, and never outside its folder."""

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.kaggle import bundles
from ecgpipe.kaggle.bundles import unpack

GOOD = {"train.csv": b"id\n1\n", "train/1/1.csv": b"I\n0\n" * 100}


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


@pytest.fixture
def bundle(tmp_path) -> Path:
    """A sound bundle; `spoil` adds to it."""
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in GOOD.items():
            archive.writestr(member(name), content)
        archive.writestr(member("train/2/", stat.S_IFDIR | 0o755), b"")
    os.utime(path, (1.76e9, 1.76e9))  # as the listing dates it
    return path


def add(bundle: Path, info: zipfile.ZipInfo, content: bytes = b"x") -> None:
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(info, content)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_unpacked_once(bundle, tmp_path):
    (tmp_path / "out").mkdir()
    unpacked = unpack(bundle, tmp_path / "out")
    assert files(tmp_path / "out") == GOOD and len(unpacked) == 2
    before = [path.stat().st_ino for path in unpacked]
    assert [path.stat().st_ino for path in unpack(bundle, tmp_path / "out")] == before


def test_a_member_that_was_spoilt_is_unpacked_again(bundle, tmp_path):
    (tmp_path / "out").mkdir()
    unpack(bundle, tmp_path / "out")
    (tmp_path / "out/train.csv").write_bytes(b"id\n2\n")
    unpack(bundle, tmp_path / "out")
    assert files(tmp_path / "out") == GOOD


@pytest.mark.parametrize(
    ("info", "fault"),
    [
        (member("../outside.csv"), "expected a path inside the folder"),
        (member("train/../../outside.csv"), "expected a path inside the folder"),
        (member("/etc/outside"), "expected a relative path"),
        (member("C:/outside"), "expected a relative path"),
        (member("..\\outside"), "expected a relative path"),
        (member("train/link", stat.S_IFLNK | 0o777), "a link or device, expected a file"),
        (member("train/pipe", stat.S_IFIFO | 0o777), "a link or device, expected a file"),
    ],
    ids=lambda value: value.filename if isinstance(value, zipfile.ZipInfo) else "",
)
def test_a_member_that_leads_elsewhere_stops_everything(bundle, tmp_path, info, fault):
    add(bundle, info, b"/etc/passwd")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"bundle\.zip: found the member .*; nothing was unpacked$") as error:
        unpack(bundle, tmp_path / "out")
    assert fault in str(error.value) and files(tmp_path) == {"bundle.zip": bundle.read_bytes()}


def test_a_bomb_is_refused_before_it_goes_off(bundle, tmp_path):
    add(bundle, member("zeros"), bytes(10_000_000))
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="at most 200 times as many; nothing was unpacked"):
        unpack(bundle, tmp_path / "out")
    assert files(tmp_path / "out") == {}


def test_a_member_that_is_longer_than_it_says_is_cut_off_and_refused(bundle, tmp_path):
    """The directory promises 4 bytes where 400 are packed: no more are written than promised, and the CRC tells."""
    content = bundle.read_bytes()
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"train/1/1.csv"))
    lied = content[: place + 24] + struct.pack("<I", 4) + content[place + 28 :]
    bundle.write_bytes(lied)
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="not a sound zip"):
        unpack(bundle, tmp_path / "out")
    assert "train/1/1.csv" not in files(tmp_path / "out")


def test_a_name_that_is_given_twice_is_refused(bundle, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        add(bundle, member("train.csv"))
    with pytest.raises(DataError, match="found 4 members of 3 names, expected each once"):
        unpack(bundle, tmp_path)


def test_a_member_that_is_a_listed_file_too_is_refused(bundle, tmp_path):
    with pytest.raises(DataError, match=r"'train\.csv', which is listed as a file too, expected it once"):
        unpack(bundle, tmp_path, {tmp_path / "train.csv"})


def test_a_disk_without_room_is_said_first(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 3}))
    with pytest.raises(DataError, match=r"GB free, expected .* GB to unpack it; free some"):
        unpack(bundle, tmp_path)
    assert files(tmp_path) == {"bundle.zip": bundle.read_bytes()}


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_is_removed_so_that_it_is_fetched_anew(tmp_path, content):
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bundle\.zip: not a sound zip .*, removed; run again to fetch it anew"):
        unpack(path, tmp_path)
    assert not path.exists()


def test_an_unpacking_that_breaks_off_leaves_no_half_of_a_file(bundle, tmp_path, monkeypatch):
    def break_off(source, target, *_):
        target.write(source.read(3))
        raise KeyboardInterrupt

    monkeypatch.setattr(bundles.shutil, "copyfileobj", break_off)
    with pytest.raises(KeyboardInterrupt):
        unpack(bundle, tmp_path)
    assert files(tmp_path) == {"bundle.zip": bundle.read_bytes()}
