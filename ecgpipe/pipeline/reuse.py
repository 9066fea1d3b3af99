"""Frames of earlier runs, kept under a hash of all they follow from: the record's pictures, the raster and the code."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgpipe.base.files import atomic_path, link_or_copy
from ecgpipe.base.provenance import code_hash
from ecgpipe.competition.dataset import Dataset
from ecgpipe.rectify.frames import shard_path

# what a frame follows from; tests compare it with the imports of ecgpipe.pipeline.preprocess
CODE = ("page/*.py", "pipeline/preprocess.py", "rectify/*.py")
LIBRARIES = ("numpy", "opencv-python-headless", "scipy")


@dataclass(frozen=True)
class KeptFrames:
    """A folder with a shard and its pages for each key; a shard without pages is of a run that was stopped."""

    folder: Path

    def take(self, key: str, target: Path) -> list[dict] | None:
        """Link the kept shard to `target`; its pages, None if there is no such shard."""
        pages = self.folder / f"{key}.json"
        if not pages.is_file():
            return None
        target.unlink(missing_ok=True)
        link_or_copy(shard_path(self.folder, key), target)
        return json.loads(pages.read_text(encoding="utf-8"))

    def put(self, key: str, shard: Path, pages: Sequence[dict]) -> None:
        """Keep `shard` and then, as the sign that both are whole, its pages."""
        with atomic_path(shard_path(self.folder, key)) as temporary:
            link_or_copy(shard, temporary)
        with atomic_path(self.folder / f"{key}.json") as temporary:
            temporary.write_text(json.dumps(list(pages)), encoding="utf-8")

    def keep_only(self, keys: Collection[str]) -> None:
        """Remove what belongs to none of `keys`, so that the folder holds one generation of frames."""
        for path in self.folder.glob("*"):
            if path.stem not in keys:
                path.unlink()


def record_key(dataset: Dataset, record_id: str, raster: str, left_out: Collection[str] = ()) -> str:
    """A hash of the pictures of a record by kind and content, of the raster, and of the code that makes frames.

    The kinds of `left_out` count as such.
    """
    digest = hashlib.sha256(f"{_code_hash()} {raster} {record_id}".encode())
    for kind in dataset.kinds_of(record_id):
        with dataset.image_path(record_id, kind).open("rb") as file:
            digest.update(f" {kind} {kind in left_out} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()[:32]


def _code_hash() -> str:
    return code_hash(CODE, LIBRARIES)
