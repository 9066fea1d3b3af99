"""Which files have been read, and in which version: 32 bytes a file, so that a resumed run of millions stays small."""

import hashlib
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa

from ecgpipe.archive.sources import Source

State = Literal["new", "done", "changed"]
KEY = "S8"  # a hash of the version


class Done:
    """The files whose rows are in `tables`, which have the columns `id` and `version`."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        found = [_files_in(table) for table in tables]
        ids = np.concatenate([ids for ids, _ in found] or [np.empty(0, "S24")])
        keys = np.concatenate([keys for _, keys in found] or [np.empty(0, KEY)])
        order = np.argsort(ids, kind="stable")
        self._ids, self._keys = ids[order], keys[order]

    def __len__(self) -> int:
        return len(self._ids)

    def state(self, source: Source) -> State:
        """Whether a file is new, or done, or was done in another version."""
        place = int(np.searchsorted(self._ids, np.bytes_(source.id)))
        if place == len(self._ids) or self._ids[place] != source.id.encode():
            return "new"
        return "done" if self._keys[place] == _key(source.version) else "changed"


def _files_in(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Id and key of each file in a table, once."""
    files = table.group_by(["id", "version"]).aggregate([])
    ids = np.array(files["id"].to_pylist(), "S24")
    return ids, np.array([_key(version) for version in files["version"].to_pylist()], KEY)


def _key(version: str) -> bytes:
    return hashlib.sha256(version.encode()).hexdigest()[:8].encode()
