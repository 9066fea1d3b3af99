"""Which files a data set consists of: path, bytes and SHA-256 of each, as a table that can be reviewed in git."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from ecgpipe.errors import DataError
from ecgpipe.tables import write_table

COLUMNS = ("path", "bytes", "sha256")


def build(root: str | Path, workers: int = 1) -> pd.DataFrame:
    """The manifest of every file below `root`: path relative to it with `/`, bytes and SHA-256, sorted by path."""
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder, expected a data set")
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    with ThreadPoolExecutor(workers) as pool:  # hashing releases the interpreter
        hashes = list(pool.map(lambda path: _sha256(root / path), paths))
    sizes = [(root / path).stat().st_size for path in paths]
    return pd.DataFrame({"path": paths, "bytes": sizes, "sha256": hashes}, columns=COLUMNS)


def write(path: str | Path, manifest: pd.DataFrame) -> None:
    """Write a manifest as CSV."""
    write_table(path, manifest[list(COLUMNS)])


def read(path: str | Path) -> pd.DataFrame:
    """A manifest from CSV; DataError when it is missing or has another form."""
    try:
        return pd.read_csv(path, usecols=list(COLUMNS), dtype={"path": str, "bytes": "int64", "sha256": str})
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected a manifest; run `dvc repro download`") from None
    except ValueError as error:
        raise DataError(f"{path}: not a manifest of {','.join(COLUMNS)}: {' '.join(str(error).split())}") from None


def compare(expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """What differs, by path: columns path, change (added, removed or changed), expected, found."""
    both = expected.merge(found, on="path", how="outer", suffixes=("_expected", "_found"), indicator="change")
    same = (both["bytes_expected"] == both["bytes_found"]) & (both["sha256_expected"] == both["sha256_found"])
    both = both[~same].sort_values("path")
    names = {"left_only": "removed", "right_only": "added", "both": "changed"}
    return pd.DataFrame(
        {
            "path": both["path"],
            "change": both["change"].astype(str).map(names),
            "expected": [_words(*pair) for pair in zip(both["bytes_expected"], both["sha256_expected"], strict=True)],
            "found": [_words(*pair) for pair in zip(both["bytes_found"], both["sha256_found"], strict=True)],
        }
    ).reset_index(drop=True)


def _words(size: float, sha256: str) -> str:
    return "no such file" if pd.isna(size) else f"{int(size)} bytes of SHA-256 {sha256[:12]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
