"""Every training picture onto the millimetre grid: a shard of frames a record, and what became of each page."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.cache import Cache
from ecgpipe.base.errors import DataError, PageNotFound, PictureError
from ecgpipe.base.files import link_or_copy, sha256_of
from ecgpipe.base.parallel import map_processes
from ecgpipe.competition.dataset import Dataset
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.rectify.frames import RECTIFIED, Frame, read_shard, shard_path, write_shard
from ecgpipe.rectify.pagemaps import KeptMaps
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.rectifier import Rectified, rectify

EXCLUDED = "excluded"
PAGE_STATUS_COLUMNS = ("id", "kind", "status", "reason")
_SHARD, _PAGES = "frames.npz", "pages.json"  # what is kept of a record


@dataclass(frozen=True)
class RectifiedRecord:
    """The pages of a record, a row a picture: id, kind, status, the reason where that is not "rectified", quality.

    `key` names its frames among the kept ones; `reused` says that they came from there.
    """

    pages: pd.DataFrame
    key: str
    reused: bool


def rectify_records(
    dataset: Dataset,
    record_ids: Sequence[str],
    folder: Path,
    spec: FrameSpec,
    workers: int,
    kept: Path,
    excluded: Collection[tuple[str, str]] = (),
    jpeg_quality: int | None = None,
    maps: Path | None = None,
) -> Iterator[RectifiedRecord]:
    """Write the shard of each record into `folder`, in the records' order; a page that is not found is no error.

    Pages (id, kind) of `excluded` are left out, all of a record where the kind is empty. Frames are lossless if
    `jpeg_quality` is None. Page maps that were found before are taken from the folder `maps`.
    Frames that an earlier run left in `kept`, of the same pictures, raster and code, are not made again.
    """
    store = _Store(dataset, folder, kept_frames(kept), spec, jpeg_quality, frozenset(excluded), maps)
    work = partial(_rectify_or_reuse, store=store)
    yield from map_processes(work, record_ids, workers)


def kept_frames(folder: Path) -> Cache:
    """The frames in `folder` of earlier runs, under the `key` of their record."""
    return Cache(folder, __name__)


@dataclass(frozen=True)
class Forecast:
    """What the frames of many pages will cost, judged by a few: bytes on disk, and seconds if any were made anew."""

    pages: int
    size_bytes: float
    seconds: float | None

    def __str__(self) -> str:
        time = "kept frames" if self.seconds is None else f"{self.seconds / 60:.0f} min"
        return f"{self.pages:,} pages: about {self.size_bytes / 1e9:.2f} GB, {time}"

    def scaled_to(self, pages: int) -> "Forecast":
        """The same for `pages` pages."""
        share = pages / self.pages
        return Forecast(pages, self.size_bytes * share, None if self.seconds is None else self.seconds * share)

    def check(self, free_bytes: int) -> None:
        """DataError if the frames will not fit."""
        if self.size_bytes > free_bytes:
            raise DataError(
                f"preprocess: found {free_bytes / 1e9:.2f} GB free, expected room for {self}; "
                "lower preprocess.jpeg_quality or take fewer records or kinds"
            )


def forecast_from(records: Sequence[RectifiedRecord], folder: Path, seconds: float) -> Forecast:
    """What the pages of `records`, done in `seconds` with their shards in `folder`, cost."""
    pages = sum(int((record.pages["status"] != EXCLUDED).sum()) for record in records)
    size = sum(path.stat().st_size for path in folder.glob("*.npz"))
    anew = not any(record.reused for record in records)
    return Forecast(max(pages, 1), size, seconds if anew else None)


def page_metrics(pages: pd.DataFrame) -> dict[str, float]:
    """Counts of pages, the share rectified, in all and by kind, and the median of each quality figure by kind.

    Pages that were left out as suspect are not counted.
    """
    pages = pages[pages["status"] != EXCLUDED]
    done = pages["status"] == RECTIFIED
    metrics = {"pages": len(pages), "not_rectified": int((~done).sum()), "rectified_share/all": float(done.mean())}
    metrics |= {
        f"rectified_share/kind_{kind}": float(share) for kind, share in done.groupby(pages["kind"]).mean().items()
    }
    for name in pages.columns.difference(PAGE_STATUS_COLUMNS):
        medians = pages[done].groupby("kind")[name].median().dropna()
        metrics |= {f"{name}/kind_{kind}": float(median) for kind, median in medians.items()}
    return metrics


def example_frames(folder: str | Path, pages: pd.DataFrame, spec: FrameSpec) -> dict[str, np.ndarray]:
    """Title and frame (h, w, 3) uint8 of the first page of each kind; DataError if no page was rectified."""
    done = pages[pages["status"] == RECTIFIED]
    if done.empty:
        reason = pages["reason"].iloc[0] if len(pages) else "there is no picture"
        raise DataError(f"{folder}: none of {len(pages)} pages was rectified, the first because: {reason}")
    firsts = done.drop_duplicates("kind").sort_values("kind")[["id", "kind"]].itertuples(index=False, name=None)
    return {f"{kind} ({id_})": read_shard(shard_path(folder, id_), kind, spec).rgb for id_, kind in firsts}


@dataclass(frozen=True)
class _Store:
    """Where frames come from and go to, and how they are made."""

    dataset: Dataset
    folder: Path
    kept: Cache
    spec: FrameSpec
    jpeg_quality: int | None
    excluded: frozenset[tuple[str, str]]
    maps: Path | None

    def rectified(self, path: Path, picture: np.ndarray) -> Rectified:
        """Where the page lies in `picture`, which is the file at `path`. Raises PageNotFound."""
        known = KeptMaps(self.maps).take(path) if self.maps else None
        return known or rectify(picture)

    def key(self, record_id: str, left_out: Collection[str]) -> str:
        """The cache key of a record's frames, from its pictures' kinds and contents, which are left out, and the
        raster."""
        kinds = self.dataset.kinds_of(record_id)
        pictures = [(kind, kind in left_out, sha256_of(self.dataset.image_path(record_id, kind))) for kind in kinds]
        return self.kept.key(self.spec, self.jpeg_quality, record_id, pictures)

    def left_out(self, record_id: str) -> frozenset[str]:
        """The excluded kinds of a record."""
        kinds = self.dataset.kinds_of(record_id)
        return frozenset(k for k in kinds if not self.excluded.isdisjoint({(record_id, k), (record_id, "")}))


def _rectify_or_reuse(record_id: str, store: _Store) -> RectifiedRecord:
    left_out, shard = store.left_out(record_id), shard_path(store.folder, record_id)
    key = store.key(record_id, left_out)
    if (kept := store.kept.files(key)) is not None:
        shard.unlink(missing_ok=True)
        link_or_copy(kept / _SHARD, shard)
        return RectifiedRecord(pd.DataFrame(json.loads((kept / _PAGES).read_text(encoding="utf-8"))), key, reused=True)
    pages = _rectify_record(record_id, store, left_out)
    with store.kept.put_files(key) as folder:
        link_or_copy(shard, folder / _SHARD)
        (folder / _PAGES).write_text(json.dumps(pages), encoding="utf-8")
    return RectifiedRecord(pd.DataFrame(pages), key, reused=False)


def _rectify_record(record_id: str, store: _Store, left_out: Collection[str]) -> list[dict]:
    pages, frames = [], {}
    for kind in store.dataset.kinds_of(record_id):
        page: dict[str, str | float] = {"id": record_id, "kind": kind, "status": RECTIFIED, "reason": ""}
        if kind in left_out:
            pages.append(page | {"status": EXCLUDED, "reason": "suspect, see data/suspects.csv"})
            continue
        try:
            path = store.dataset.image_path(record_id, kind)
            picture = read_picture(path)
            rectified = store.rectified(path, picture)
        except (PageNotFound, PictureError) as error:
            status = "not found" if isinstance(error, PageNotFound) else "not readable"
            pages.append(page | {"status": status, "reason": str(error)})
            continue
        frames[kind] = Frame.cut(picture, rectified.page_map, store.spec)
        page.update(rectified.quality.figures())
        pages.append(page)
    write_shard(shard_path(store.folder, record_id), frames, store.jpeg_quality)
    return pages
