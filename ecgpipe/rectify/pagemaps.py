"""Page maps that were found once, kept by the picture's content: `verify` finds them, `preprocess` need not again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.files import atomic_path
from ecgpipe.base.provenance import code_hash
from ecgpipe.page.geometry import PageMap
from ecgpipe.rectify.quality import Quality
from ecgpipe.rectify.rectifier import Rectified

# what a page map follows from
CODE = ("page/*.py", "rectify/*.py")
LIBRARIES = ("numpy", "opencv-python-headless", "scipy")


@dataclass(frozen=True)
class KeptMaps:
    """A folder with a file for each picture in which a page was looked for."""

    folder: Path

    def key(self, sha256: str) -> str:
        """Names what this code finds in the picture file with these contents."""
        return hashlib.sha256(f"{code_hash(CODE, LIBRARIES)} {sha256}".encode()).hexdigest()[:32]

    def take(self, picture: Path) -> Rectified | None:
        """What was found in the file `picture`, None if nobody looked; PageNotFound if nothing was."""
        with picture.open("rb") as file:
            return self._load(self.key(hashlib.file_digest(file, "sha256").hexdigest()))

    def of(self, sha256: str, find: Callable[[], Rectified]) -> Rectified:
        """What was found in the file with these contents, else what `find` finds now."""
        key = self.key(sha256)
        if (kept := self._load(key)) is not None:
            return kept
        try:
            found = find()
        except PageNotFound as error:
            self._save(key, reason=str(error))
            raise
        nodes, step_mm = found.page_map.nodes, found.page_map.step_mm
        self._save(key, nodes=nodes, step_mm=np.float64(step_mm), quality=json.dumps(asdict(found.quality)))
        return found

    def _load(self, key: str) -> Rectified | None:
        path = self.folder / f"{key}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as file:
            if "reason" in file:
                raise PageNotFound(str(file["reason"]))
            page_map = PageMap(file["nodes"], float(file["step_mm"]))
            return Rectified(page_map, Quality(**json.loads(str(file["quality"]))))

    def _save(self, key: str, **members: object) -> None:
        with atomic_path(self.folder / f"{key}.npz") as temporary:
            np.savez_compressed(temporary, **members)
