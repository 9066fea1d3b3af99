"""Every training picture onto the millimetre grid: a shard of frames a record, and what became of each page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.competition import Dataset
from ecgpipe.errors import DataError, PageNotFound, PictureError
from ecgpipe.frames import RECTIFIED, Frame, read_shard, shard_path, write_shard
from ecgpipe.geometry import FrameSpec
from ecgpipe.parallel import map_processes
from ecgpipe.picture import read_picture
from ecgpipe.pipeline.reuse import KeptFrames, record_key
from ecgpipe.rectify import rectify

PAGE_COLUMNS = ("id", "kind", "status", "reason")


@dataclass(frozen=True)
class RectifiedRecord:
    """The pages of a record, a row a picture: id, kind, status, the reason where that is not "rectified", quality.

    `key` names its frames among the kept ones; `reused` says that they came from there.
    """

    pages: pd.DataFrame
    key: str
    reused: bool


def rectify_records(
    dataset: Dataset, record_ids: Sequence[str], folder: Path, spec: FrameSpec, workers: int, kept: Path
) -> Iterator[RectifiedRecord]:
    """Write the shard of each record into `folder`, in the records' order; a page that is not found is no error.

    Frames that an earlier run left in `kept`, of the same pictures, raster and code, are not made again.
    """
    work = partial(_rectify_or_reuse, dataset=dataset, folder=folder, spec=spec, kept=KeptFrames(kept))
    yield from map_processes(work, record_ids, workers)


def page_metrics(pages: pd.DataFrame) -> dict[str, float]:
    """Counts of pages, the share rectified, in all and by kind, and the median of each quality figure by kind."""
    done = pages["status"] == RECTIFIED
    metrics = {"pages": len(pages), "not_rectified": int((~done).sum()), "rectified_share/all": float(done.mean())}
    metrics |= {
        f"rectified_share/kind_{kind}": float(share) for kind, share in done.groupby(pages["kind"]).mean().items()
    }
    for name in pages.columns.difference(PAGE_COLUMNS):
        medians = pages[done].groupby("kind")[name].median().dropna()
        metrics |= {f"{name}/kind_{kind}": float(median) for kind, median in medians.items()}
    return metrics


def example_frames(folder: str | Path, pages: pd.DataFrame) -> dict[str, np.ndarray]:
    """Title and frame (h, w, 3) uint8 of the first page of each kind; DataError if no page was rectified."""
    done = pages[pages["status"] == RECTIFIED]
    if done.empty:
        reason = pages["reason"].iloc[0] if len(pages) else "there is no picture"
        raise DataError(f"{folder}: none of {len(pages)} pages was rectified, the first because: {reason}")
    firsts = done.drop_duplicates("kind").sort_values("kind")[["id", "kind"]].itertuples(index=False, name=None)
    return {f"{kind} ({id_})": read_shard(shard_path(folder, id_), kind).rgb for id_, kind in firsts}


def _rectify_or_reuse(
    record_id: str, dataset: Dataset, folder: Path, spec: FrameSpec, kept: KeptFrames
) -> RectifiedRecord:
    key, shard = record_key(dataset, record_id, spec), shard_path(folder, record_id)
    pages = kept.take(key, shard)
    if pages is not None:
        return RectifiedRecord(pd.DataFrame(pages), key, reused=True)
    pages = _rectify_record(record_id, dataset, folder, spec)
    kept.put(key, shard, pages)
    return RectifiedRecord(pd.DataFrame(pages), key, reused=False)


def _rectify_record(record_id: str, dataset: Dataset, folder: Path, spec: FrameSpec) -> list[dict]:
    pages, frames = [], {}
    for kind in dataset.kinds_of(record_id):
        page = {"id": record_id, "kind": kind, "status": RECTIFIED, "reason": ""}
        try:
            picture = read_picture(dataset.image_path(record_id, kind))
            rectified = rectify(picture)
        except (PageNotFound, PictureError) as error:
            status = "not found" if isinstance(error, PageNotFound) else "not readable"
            pages.append(page | {"status": status, "reason": str(error)})
            continue
        frames[kind] = Frame.cut(picture, rectified.page_map, spec)
        pages.append(page | rectified.quality.figures())
    write_shard(shard_path(folder, record_id), frames)
    return pages
