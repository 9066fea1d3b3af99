"""Page maps kept under a hash of the picture's content, so that `preprocess` does not search again after `verify`."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ecgpipe.base.cache import Cache
from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.files import sha256_of
from ecgpipe.page.geometry import PageMap
from ecgpipe.rectify.quality import Quality
from ecgpipe.rectify.rectifier import Rectified


@dataclass(frozen=True)
class KeptMaps:
    """A folder with a file for each picture that was searched for a page."""

    folder: Path

    @property
    def cache(self) -> Cache:
        return Cache(self.folder, __name__)

    def take(self, picture: Path) -> Rectified | None:
        """What was found in the file `picture`; None if it was never searched, PageNotFound if no page was found."""
        return self._load(self.cache.key(sha256_of(picture)))

    def of(self, sha256: str, find: Callable[[], Rectified]) -> Rectified:
        """What was found in the file of this `sha256`; if it was never searched, what `find` finds now."""
        key = self.cache.key(sha256)
        if (kept := self._load(key)) is not None:
            return kept
        try:
            found = find()
        except PageNotFound as error:
            self.cache.put_arrays(key, reason=str(error))
            raise
        nodes, step_mm = found.page_map.nodes, found.page_map.step_mm
        self.cache.put_arrays(key, nodes=nodes, step_mm=step_mm, quality=json.dumps(asdict(found.quality)))
        return found

    def keep_only(self, hashes: Iterable[str]) -> None:
        """Remove what was found in files of other `hashes` (SHA-256)."""
        self.cache.keep_only({self.cache.key(sha256) for sha256 in hashes})

    def _load(self, key: str) -> Rectified | None:
        kept = self.cache.arrays(key)
        if kept is None:
            return None
        if "reason" in kept:
            raise PageNotFound(str(kept["reason"]))
        page_map = PageMap(kept["nodes"], float(kept["step_mm"]))
        return Rectified(page_map, Quality(**json.loads(str(kept["quality"]))))
