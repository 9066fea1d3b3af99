"""The competition's files from Kaggle: chosen, fetched into a folder that outlives DVC's outs, linked into data/raw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from ecgpipe.base.errors import DataError, KaggleError
from ecgpipe.base.files import atomic_folder, link_or_copy
from ecgpipe.competition import manifest
from ecgpipe.competition.dataset import Dataset, is_chosen, record_of
from ecgpipe.kaggle.bundles import unpack
from ecgpipe.kaggle.remote import KaggleCompetition, RemoteFile
from ecgpipe.kaggle.transfer import Transfer, check_disk, fetch_files
from ecgpipe.params import Data


@dataclass(frozen=True)
class Download:
    """What lies in `folder` after a download: the chosen files of the listing, and what was unpacked from bundles."""

    folder: Path
    files: tuple[RemoteFile, ...]
    unpacked: tuple[Path, ...]
    transfer: Transfer

    def listing_table(self) -> pd.DataFrame:
        return listing_table(self.files)

    @property
    def fetched_records(self) -> int:
        """Training records of which at least one file was fetched."""
        return len({record_of(file.path) for file in self.transfer.fetched} - {None})


def download(
    data: Data,
    folder: Path,
    *,
    names: Sequence[str] = (),
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Download:
    """Bring the files `names`, or else those of `data.kinds` and `data.kaggle.records`, into `folder`.

    KaggleError if the listing changed meanwhile; finished files are kept and recognised by their version.
    """
    kaggle = KaggleCompetition(data.kaggle)
    listing = kaggle.files()
    files = chosen_files(listing, data, names)
    transfer = fetch_files(kaggle, files, listing, folder, report)
    _check_unchanged(data, names, files, kaggle.files())
    bundles = [file for file in files if file.path.endswith(".zip")] if data.kaggle.extract else []
    listed = {folder / file.path for file in listing}
    unpacked = [path for file in bundles for path in unpack(folder / file.path, (folder / file.path).parent, listed)]
    return Download(folder, tuple(files), tuple(unpacked), transfer)


def chosen_files(listing: Sequence[RemoteFile], data: Data, names: Sequence[str] = ()) -> list[RemoteFile]:
    """The files `names` of a listing, or else the kinds and records in `data`; KaggleError for unknown ones."""
    paths = [file.path for file in listing]
    for name in names:
        if name not in paths:
            near = get_close_matches(name, paths, 1)
            raise KaggleError(f"--file {name}: found no such file in Kaggle's listing{_like(near)}, expected one of it")
    records = data.kaggle.records
    if unknown := sorted(set(records or ()) - {record_of(path) for path in paths}):
        raise KaggleError(f"data.kaggle.records: found {unknown[0]!r}, expected training records of Kaggle's listing")
    return [f for f in listing if f.path in names or (not names and is_chosen(f.path, data.kinds, records))]


def listing_table(files: Sequence[RemoteFile]) -> pd.DataFrame:
    """A listing as the table `path,remote_bytes,remote_created` of `ecgpipe.competition.manifest`."""
    rows = [(file.path, file.bytes, file.created) for file in files]
    return pd.DataFrame(rows, columns=list(manifest.LISTING_COLUMNS)).sort_values("path", ignore_index=True)


def link_dataset(done: Download, root: str | Path, records: Sequence[str] | None) -> None:
    """`root` with hard links to what was downloaded; train.csv holds the rows of `records` only, if they are chosen."""
    root = Path(root)
    if root.resolve() in (done.folder.resolve(), *done.folder.resolve().parents):
        raise DataError(f"data.kaggle.cache: {done.folder} lies in {root}, which is replaced, expected one outside it")
    root.parent.mkdir(parents=True, exist_ok=True)
    if root.parent.stat().st_dev != done.folder.stat().st_dev:  # copies instead of links
        check_disk(root.parent, sum(file.bytes for file in done.files))
    with atomic_folder(root) as temporary:
        for path in sorted({done.folder / file.path for file in done.files} | set(done.unpacked)):
            link_or_copy(path, temporary / path.relative_to(done.folder))
        if records is not None:
            dataset = Dataset(temporary)
            dataset.write_train_table([record for record in dataset.train_records() if record.id in records])


def _check_unchanged(data: Data, names: Sequence[str], before: Sequence[RemoteFile], now: Sequence[RemoteFile]) -> None:
    present = [file for file in now if file.path in names] if names else chosen_files(now, data)
    changes = manifest.drift(listing_table(before), listing_table(present))
    if len(changes):
        first = changes.iloc[0]
        raise KaggleError(
            f"Kaggle's listing changed during the download, {len(changes)} files, first {first['path']} "
            f"({first['change']}): found {first['found']}, expected {first['expected']}; run again to fetch these"
        )


def _like(near: Sequence[str]) -> str:
    return f" (is it {near[0]}?)" if near else ""
