"""Where the data come from. Whatever the source, the result is one folder in the competition's layout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_folder, link_or_copy
from ecgpipe.competition.dataset import Dataset
from ecgpipe.params import Data


@dataclass(frozen=True)
class Origin:
    """What a remote listing said of the files (path, remote_bytes, remote_created), None without one; and figures."""

    listing: pd.DataFrame | None = None
    metrics: dict[str, int] = field(default_factory=dict)


def fetch(data: Data, root: str | Path, report: Callable[[int, int], None] = lambda done, total: None) -> Origin:
    """Fill `root` from `data.source`, replacing what was there; on an error `root` stays as it was.

    `report` is called with the bytes transferred and the bytes in all, if any are transferred.
    """
    if data.source == "synthetic":
        from ecgpipe.synth.dataset import write_dataset

        write_dataset(root, data)
    elif data.source == "local":
        link_folder(data.folder, root)
    elif data.source == "kaggle":
        return _fetch_kaggle(data, root, report)
    else:
        raise DataError(
            f"data.source: found {data.source!r}, which has a pipeline of its own; run `dvc repro paired/dvc.yaml`, "
            "or use 'synthetic', 'local' or 'kaggle' here"
        )
    return Origin()


def _fetch_kaggle(data: Data, root: str | Path, report: Callable[[int, int], None]) -> Origin:
    from ecgpipe.kaggle.source import download, link_dataset

    done = download(data, Path(data.kaggle.cache) / data.kaggle.competition, report=report)
    link_dataset(done, root, data.kaggle.records)
    fetched = done.transfer.fetched
    figures = {
        "fetched_files": len(fetched),
        "fetched_bytes": done.transfer.fetched_bytes,
        "kept_files": done.transfer.kept,
    }
    return Origin(done.listing_table(), figures | {"fetched_records": done.fetched_records})


def link_folder(folder: str | Path | None, root: str | Path) -> None:
    """`root` with the files of `folder`, which is in the competition's layout: hard links, or copies across disks."""
    if folder is None:
        raise DataError(
            "data.folder: found null, expected a folder in the competition's layout for data.source 'local'"
        )
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"data.folder: {folder} is no folder, expected one in the competition's layout")
    if Path(root).resolve() in (folder.resolve(), *folder.resolve().parents):
        raise DataError(f"data.folder: {folder} lies in {root}, which is replaced, expected a folder outside it")
    source = Dataset(folder)
    records = source.train_records()
    missing = [source.signal_path(record.id) for record in records if not source.signal_path(record.id).is_file()]
    missing += [source.test_image_path(id_) for id_ in source.test_ids() if not source.test_image_path(id_).is_file()]
    if missing:
        raise DataError(f"data.folder: {missing[0]} is missing, {len(missing)} files in all; complete the folder")
    with atomic_folder(root) as temporary:
        for path in source.files():
            link_or_copy(path, temporary / path.relative_to(folder))
