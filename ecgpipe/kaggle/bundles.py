"""Zip files from elsewhere, unpacked with suspicion: nothing outside the folder, no link, no bomb, all or nothing."""

import os
import shutil
import stat
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path

MAX_RATIO = 200  # of unpacked to packed bytes; ECG tables reach about 10, a bomb 1000 and more
ZIP_START = b"PK\x03\x04"
MAX_MEMBERS = 1_000_000


def is_zip(path: Path) -> bool:
    """Whether a file starts as a zip with at least one member does."""
    try:
        with path.open("rb") as file:
            return file.read(4) == ZIP_START
    except FileNotFoundError:
        return False


def unpack(bundle: Path, folder: Path, others: Collection[Path] = ()) -> list[Path]:
    """Unpack a zip into `folder`; the files it holds, unpacked or already there with the bundle's date.

    DataError names the first member that leads out of `folder`, is a link, encrypted, given twice, or one of the files
    `others`; or says that all are too large together.
    """
    dated_s = bundle.stat().st_mtime
    with _opened(bundle, str(bundle)) as archive:
        members = _checked(str(bundle), archive)
        if taken := [member.filename for member in members if folder / member.filename in others]:
            raise DataError(f"{bundle}: found the member {taken[0]!r}, which is listed as a file too, expected it once")
        todo = [member for member in members if not _is_there(folder / member.filename, member, dated_s)]
        _check_room(bundle, folder, sum(member.file_size for member in todo))
        for member in todo:
            target = folder / member.filename
            with atomic_path(target) as temporary:
                _copy(archive, member, temporary)
                os.utime(temporary, (dated_s, dated_s))
    return [folder / member.filename for member in members]


def unpack_only_member(part: Path, path: str, size_bytes: int) -> None:
    """Replace `part`, a zip sent for the file `path`, by its only member; DataError if that is not the file."""
    with _opened(part, path) as archive:
        members = _checked(path, archive)
        if [(Path(m.filename).name, m.file_size) for m in members] != [(Path(path).name, size_bytes)]:
            found = ", ".join(f"{m.filename} of {m.file_size} bytes" for m in members[:3])
            part.unlink()
            raise DataError(f"{path}: found a zip of {found}, expected the file itself, {size_bytes} bytes")
        with atomic_path(part) as temporary:
            _copy(archive, members[0], temporary)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, ValueError) as error:
        path.unlink(missing_ok=True)
        reason = " ".join(str(error).split())
        raise DataError(f"{name}: not a sound zip ({reason}), removed; run again to fetch it anew") from None


def _checked(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that are files; DataError if any member must not be unpacked."""
    members = archive.infolist()
    distinct = {member.filename for member in members}
    if len(members) > MAX_MEMBERS or len(distinct) < len(members):
        raise DataError(f"{name}: found {len(members)} members of {len(distinct)} names, expected each once")
    for member in members:
        if fault := _fault(member):
            raise DataError(f"{name}: found the member {member.filename!r}, {fault}; nothing was unpacked")
    unpacked, packed = sum(member.file_size for member in members), os.path.getsize(str(archive.filename))
    if unpacked > MAX_RATIO * packed:
        raise DataError(
            f"{name}: found {unpacked} bytes packed into {packed}, expected at most {MAX_RATIO} times as many; "
            "nothing was unpacked"
        )
    return [member for member in members if not member.is_dir()]


def _fault(member: zipfile.ZipInfo) -> str:
    name, mode = member.orig_filename, member.external_attr >> 16
    if PurePosixPath(name).is_absolute() or "\\" in name or ":" in name or "\0" in name:
        return "expected a relative path"
    if ".." in PurePosixPath(name).parts:
        return "expected a path inside the folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or device, expected a file"
    return "encrypted, expected a plain file" if member.flag_bits & 1 else ""


def _check_room(bundle: Path, folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise DataError(
            f"{bundle}: found {free / 1e9:.2f} GB free, expected {needed_bytes / 1e9:.2f} GB to unpack it; free some"
        )


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as out:  # zipfile reads the stated size and checks the CRC
        shutil.copyfileobj(source, out, 1 << 20)


def _is_there(path: Path, member: zipfile.ZipInfo, dated_s: float) -> bool:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == member.file_size and abs(found.st_mtime - dated_s) < 2
