"""Where the data come from. Whatever the source, the result is one folder in the competition's layout."""

import os
import shutil
from pathlib import Path

from ecgpipe.competition import Dataset
from ecgpipe.errors import DataError
from ecgpipe.files import atomic_folder
from ecgpipe.params import Data


def fetch(data: Data, root: str | Path) -> None:
    """Fill `root` from `data.source`, replacing what was there; on an error `root` stays as it was."""
    if data.source == "synthetic":
        from ecgpipe.synth.dataset import write_dataset

        write_dataset(root, data)
    elif data.source == "local":
        link_folder(data.folder, root)
    else:
        raise DataError(
            f"data.source: {data.source!r} is not available in this version yet; use 'synthetic' or 'local'"
        )


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
            target = temporary / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, target)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link where the disk allows it, else a copy."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
