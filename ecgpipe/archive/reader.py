"""One process's reader: a file's pages one after another, each in rows. It knows nothing of the other processes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from ecgpipe.archive.rows import lead_rows, refused_rows
from ecgpipe.archive.sources import Source, is_url, store
from ecgpipe.base.errors import EcgpipeError

if TYPE_CHECKING:
    from ecgpipe.digitize.digitizer import Digitizer
    from ecgpipe.rectify.leaves import Leaf


@dataclass(frozen=True)
class Settings:
    """What decides how a page is read and what its rows hold; the last four are hints, None where nothing is known."""

    fs_hz: float = 500.0
    sigma: bool = False
    layout: str | None = None
    speed: str | None = None
    gain: str | None = None
    leads: str | None = None


@dataclass(frozen=True)
class PageReader:
    """Reads the pages of files with one digitizer, in one thread."""

    settings: Settings

    def __call__(self, source: Source, first: int = 1) -> Iterator[int | pa.RecordBatch]:
        """Gives how many pages a file has, then the rows of each from the `first` on. What goes wrong becomes a row."""
        try:
            with _local(source) as path:
                from ecgpipe.rectify.leaves import leaves_of

                leaves = leaves_of(path)
                yield len(leaves)
                for leaf in leaves[first - 1 :]:
                    yield self._rows(source, leaf)
        except EcgpipeError as error:  # of a file that cannot be fetched
            yield 1
            yield refused_rows(source, 1, 1, _bare(error, source.place))

    def _rows(self, source: Source, leaf: "Leaf") -> pa.RecordBatch:
        settings = self.settings
        try:
            ecgs = self._digitizer.digitize_all(leaf)
            return lead_rows(source, leaf.number, leaf.of, ecgs, settings.fs_hz, sigma=settings.sigma)
        except EcgpipeError as error:
            reason = _bare(error, str(leaf), str(leaf.path))
        except Exception as error:  # one page's surprise must not stop an archive of them
            reason = f"unexpected {type(error).__name__}: {_bare(error)}"
        return refused_rows(source, leaf.number, leaf.of, reason)

    @cached_property
    def _digitizer(self) -> "Digitizer":
        os.environ["OMP_NUM_THREADS"] = "1"  # for what is imported from here on: pages, not threads, share the cores
        import cv2

        from ecgpipe.digitize.digitizer import Digitizer
        from ecgpipe.recognize.hints import Hints

        cv2.setNumThreads(1)
        s = self.settings
        return Digitizer(hints=Hints.parsed(s.layout, s.speed, s.gain, s.leads))


@contextmanager
def _local(source: Source) -> Iterator[Path]:
    """A path at which a source's file can be read: a copy, for as long as the block takes, of one in a store."""
    if not is_url(source.place):
        yield Path(source.place)
        return
    with tempfile.TemporaryDirectory(prefix="ecgpipe-") as folder, store(source.place) as (fs, path):
        copy = Path(folder) / f"page{PurePosixPath(path).suffix}"
        fs.get_file(path, str(copy))
        yield copy


def _bare(error: Exception, *places: str) -> str:
    """What an error says on one line, less the place that it names first, as a row has its own."""
    text = " ".join(str(error).split())
    for place in places:
        text = text.removeprefix(f"{' '.join(place.split())}: ")
    return text
