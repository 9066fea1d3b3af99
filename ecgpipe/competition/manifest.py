"""Which files a data set consists of: path, bytes and SHA-256 of each, and what a remote listing said of it.

The manifest, data/manifest.csv, is made by `download` whatever the source, and pinned by its hash in dvc.lock. The
remote listing, manifests/kaggle.csv, lies in git itself, because nothing here can make it again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import sha256_of
from ecgpipe.base.tables import write_table

COLUMNS = ("path", "bytes", "sha256")
LISTED = ("remote_bytes", "remote_created")  # what the source's listing said of a file; empty for files made here
LISTING_COLUMNS = ("path", *LISTED)
_TYPES = {"remote_bytes": "Int64", "remote_created": "str"}


def build(root: str | Path, workers: int = 1) -> pd.DataFrame:
    """The manifest of every file below `root`: path relative to it with `/`, bytes and SHA-256, sorted by path."""
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder, expected a data set")
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    with ThreadPoolExecutor(workers) as pool:  # hashing releases the interpreter
        hashes = list(pool.map(lambda path: sha256_of(root / path), paths))
    sizes = [(root / path).stat().st_size for path in paths]
    return pd.DataFrame({"path": paths, "bytes": sizes, "sha256": hashes}, columns=COLUMNS)


def write(path: str | Path, manifest: pd.DataFrame) -> None:
    """Write a manifest as CSV, with what a remote listing said if it holds that."""
    write_table(path, manifest[[name for name in (*COLUMNS, *LISTED) if name in manifest]])


def read(path: str | Path) -> pd.DataFrame:
    """A manifest from CSV; DataError when it is missing or has another form."""
    try:
        return pd.read_csv(path, usecols=list(COLUMNS), dtype={"path": str, "bytes": "int64", "sha256": str})
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected a manifest; run `dvc repro download`") from None
    except ValueError as error:
        raise DataError(f"{path}: not a manifest of {','.join(COLUMNS)}: {' '.join(str(error).split())}") from None


def with_listing(manifest: pd.DataFrame, listing: pd.DataFrame | None) -> pd.DataFrame:
    """`manifest` with the columns of a remote listing (path, remote_bytes, remote_created) beside its own, if any."""
    return manifest if listing is None else manifest.merge(listing, on="path", how="left").astype(_TYPES)


def read_listing(path: str | Path) -> pd.DataFrame:
    """What the remote listing said (path, remote_bytes, remote_created) when the manifest at `path` was made."""
    try:
        table = pd.read_csv(path, dtype={"path": str} | _TYPES, keep_default_na=False, na_values={"remote_bytes": [""]})
        listed = table.dropna(subset="remote_bytes")[list(LISTING_COLUMNS)]
        return listed.astype({"remote_bytes": "int64"}).reset_index(drop=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected a manifest; run `dvc repro download`") from None
    except KeyError:
        raise DataError(
            f"{path}: found no column remote_bytes, expected a manifest of files from Kaggle; "
            "set data.source to kaggle and run `dvc repro download`"
        ) from None
    except ValueError as error:
        raise DataError(f"{path}: not a manifest: {' '.join(str(error).split())}") from None


def write_listing(path: str | Path, listing: pd.DataFrame) -> None:
    """Write a listing as CSV."""
    write_table(path, listing[list(LISTING_COLUMNS)])


def drift(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """What differs between two listings, by path: columns path, change (added, removed or changed), expected, found."""
    return _differences(before, now, LISTED, lambda size, created: f"{int(size)} bytes of {created or 'no date'}")


def changes(expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """What differs, by path: columns path, change (added, removed or changed), expected, found."""
    return _differences(
        expected, found, COLUMNS[1:], lambda size, sha256: f"{int(size)} bytes of SHA-256 {sha256[:12]}"
    )


def _differences(
    expected: pd.DataFrame, found: pd.DataFrame, columns: Sequence[str], words: Callable[[float, str], str]
) -> pd.DataFrame:
    """Rows that are in one table only, or differ in `columns` (size and identity); `words` describes each side."""
    wanted = ["path", *columns]
    both = expected[wanted].merge(
        found[wanted], on="path", how="outer", suffixes=("_expected", "_found"), indicator="change"
    )
    same = np.logical_and.reduce([both[f"{name}_expected"] == both[f"{name}_found"] for name in columns])
    both = both[~same].sort_values("path")
    names = {"left_only": "removed", "right_only": "added", "both": "changed"}
    sides = {"path": both["path"], "change": both["change"].astype(str).map(names)}
    for side in ("expected", "found"):
        pairs = zip(both[f"{columns[0]}_{side}"], both[f"{columns[1]}_{side}"], strict=True)
        sides[side] = ["no such file" if pd.isna(size) else words(size, identity) for size, identity in pairs]
    return pd.DataFrame(sides).reset_index(drop=True)
