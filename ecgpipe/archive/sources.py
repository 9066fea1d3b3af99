"""The files of an archive, one after another and none of them opened: of a folder, of a list, of an object store.

A list of names is never held in memory, so that a million files take no more than ten; only a list's own lines are
remembered, as a file that is listed twice is to be read once.
"""

import csv
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES

LIST_SUFFIXES = {".csv", ".txt"}
OVERLAY_SUFFIX = ".overlay.jpg"  # of results, which are no pictures to read
MISSING = "missing"  # the version of a file that is not there
GLOB = re.compile(r"[*?\[]")
VERSION_KEYS = ("ETag", "etag", "md5Hash", "content_md5")  # what stores call a hash of the content
DATE_KEYS = ("mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True)
class Source:
    """A file to read: `path` is its name in the archive, `place` a path or URL where it is, `version` its content's.

    The version is a store's ETag, else size and time of last change: another one says that the file has changed.
    """

    path: str
    place: str
    version: str

    @property
    def id(self) -> str:
        """24 hexadecimal digits that `path` alone decides: of a billion files two share one once in 10^11 archives."""
        return hashlib.sha256(self.path.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def sources_of(given: str, output: Path, part: tuple[int, int] = (1, 1)) -> Iterator[Source]:
    """The files of `given`, of which (i, n) as `part` takes the i-th of n shares that depend on the paths alone.

    A folder gives the pictures in it, however deep, hidden ones, overlays and what lies in `output` left out, by their
    paths below it. A list (.txt, a path a line, or .csv with a column `path`) gives what it names, relative to where it
    lies. A URL gives the pictures below it, or those that match its *, ?, [] and **. EcgpipeError for anything else.
    """
    number, of = part
    for source in _all_of(given, output):
        if of == 1 or int(source.id, 16) % of == number - 1:
            yield source


def _all_of(given: str, output: Path) -> Iterator[Source]:
    if Path(given).suffix.lower() in LIST_SUFFIXES:
        return _of_list(given)
    if is_url(given):
        return _of_store(given)
    if os.path.isdir(given):
        return _of_folder(Path(given), output)
    found = "something else" if os.path.exists(given) else "no such place"
    raise EcgpipeError(
        f"{given}: found {found}, expected a folder, a list (.txt or .csv) or a URL such as s3://bucket/ecgs"
    )


def is_url(place: str) -> bool:
    """Whether a place is named as fsspec does, with its protocol."""
    return "://" in place


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES and not name.lower().endswith(OVERLAY_SUFFIX)


# ---- folders


def _of_folder(folder: Path, output: Path) -> Iterator[Source]:
    ours = os.path.abspath(output)
    for place, folders, names in os.walk(folder, onerror=_cannot_open):
        folders[:] = sorted(n for n in folders if n[0] != "." and os.path.abspath(os.path.join(place, n)) != ours)
        for name in sorted(names):
            if name[0] != "." and _is_picture(name):
                whole = os.path.join(place, name)
                yield Source(Path(whole).relative_to(folder).as_posix(), whole, _version_on_disk(whole))


def _cannot_open(error: OSError) -> None:
    raise EcgpipeError(f"{error.filename}: this folder cannot be opened: {error.strerror}") from error


def _version_on_disk(place: str) -> str:
    try:
        about = os.stat(place)
    except OSError:
        return MISSING
    return f"{about.st_size}-{about.st_mtime_ns}"


# ---- lists


def _of_list(given: str) -> Iterator[Source]:
    seen: set[bytes] = set()
    base = given.rpartition("/")[0] if is_url(given) else str(Path(given).parent)
    for path in _listed(given):
        if (key := hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[:12]) in seen:
            continue
        seen.add(key)
        place = path if is_url(path) else f"{base}/{path}" if is_url(base) else os.path.join(base, path)
        yield Source(path, place, _version_in_store(place) if is_url(place) else _version_on_disk(place))


def _listed(given: str) -> Iterator[str]:
    """The paths in a list, in its order."""
    try:
        with _opened(given) as lines:
            if not given.lower().endswith(".csv"):
                yield from (path for line in lines if (path := line.strip()))
                return
            rows = csv.DictReader(lines)
            if "path" not in (rows.fieldnames or ()):
                raise EcgpipeError(
                    f"{given}: found the columns {','.join(rows.fieldnames or ())}, expected one called path"
                )
            yield from (path for row in rows if (path := (row["path"] or "").strip()))
    except FileNotFoundError:
        raise EcgpipeError(f"{given}: no such file, expected a list of paths") from None
    except UnicodeDecodeError as error:
        raise EcgpipeError(f"{given}: not text in UTF-8: {error.reason} at byte {error.start}") from None


@contextmanager
def _opened(given: str) -> Iterator[TextIO]:
    if not is_url(given):
        with open(given, encoding="utf-8-sig", newline="") as lines:
            yield lines
        return
    with store(given) as (fs, path), fs.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield lines


# ---- object stores


@contextmanager
def store(url: str) -> Iterator[tuple[Any, str]]:
    """The file system and the path that a URL names; EcgpipeError, naming the URL, for what goes wrong with them."""
    import fsspec

    try:
        if "::" in url:
            raise EcgpipeError(f"{url}: found a chain of URLs, expected one")
        yield fsspec.core.url_to_fs(url, use_listings_cache=False)  # a cache of a million names is no use
    except FileNotFoundError:
        raise EcgpipeError(f"{url}: found nothing there, expected pictures") from None
    except ImportError as error:  # says which package to install
        raise EcgpipeError(f"{url}: {error}") from None
    except (EcgpipeError, UnicodeDecodeError):
        raise
    except Exception as error:  # whatever a store's own library raises
        raise EcgpipeError(f"{url}: cannot be read: {' '.join(str(error).split())}") from error


def _of_store(url: str) -> Iterator[Source]:
    with store(url) as (fs, root):
        below = GLOB.split(root)[0]
        for path, about in _found(fs, root):
            hidden = any(part[0] == "." for part in PurePosixPath(path.removeprefix(below)).parts)
            if _is_picture(path) and not hidden:
                whole = fs.unstrip_protocol(path)
                yield Source(whole, whole, _version(about))


def _found(fs: Any, root: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file below `root`, or that matches it, with what the store says of it."""
    if GLOB.search(root):
        yield from ((path, about) for path, about in fs.glob(root, detail=True).items() if about["type"] == "file")
        return
    for _, _, files in fs.walk(root, detail=True, on_error="raise"):
        yield from ((about["name"], about) for about in files.values())


def _version_in_store(url: str) -> str:
    with store(url) as (fs, path):
        return _version(fs.info(path)) if fs.exists(path) else MISSING


def _version(about: dict[str, Any]) -> str:
    for key in VERSION_KEYS:
        if about.get(key):
            return str(about[key])
    date = next((about[key] for key in DATE_KEYS if about.get(key)), "")
    return f"{about.get('size')}-{date}"
