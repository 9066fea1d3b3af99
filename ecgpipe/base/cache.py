"""The one cache: results of earlier runs, under a hash of the code that made them and of what they were made from."""

import hashlib
import shutil
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ecgpipe.base.files import atomic_folder, atomic_path
from ecgpipe.base.provenance import code_hash


@dataclass(frozen=True)
class Cache:
    """Results that `module` makes, in `folder`: each is a file of arrays or a folder of files, whole or absent.

    They hold as long as the module, all that it imports, the libraries' versions and the files of `data`, such as
    weights, stay what they are.
    """

    folder: Path
    module: str
    data: tuple[Path, ...] = ()

    def key(self, *made_from: object) -> str:
        """Names what the present code makes from these values, which differ if their `repr` does."""
        return hashlib.sha256(f"{code_hash(self.module, self.data)} {made_from!r}".encode()).hexdigest()[:32]

    def arrays(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays that were put under `key`, by name; None if there are none."""
        path = self.folder / f"{key}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as file:
            return dict(file)

    def put_arrays(self, key: str, **arrays: ArrayLike) -> None:
        """Keep numbers, texts and arrays of them under `key`."""
        with atomic_path(self.folder / f"{key}.npz") as temporary:
            np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]

    def files(self, key: str) -> Path | None:
        """The folder that was put under `key`, or None. Read or link its files, but do not change them."""
        path = self.folder / key
        return path if path.is_dir() else None

    def put_files(self, key: str) -> AbstractContextManager[Path]:
        """An empty folder to fill, which is kept under `key` when the block ends without an error."""
        return atomic_folder(self.folder / key)

    def keep_only(self, keys: Collection[str]) -> None:
        """Remove every result whose key is not among `keys`, and what killed runs left half-written."""
        for path in self.folder.glob("*"):
            if path.stem not in keys:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
