"""The rows of pages on disk: Parquet files of so many files' pages each, and the journal of what is in none yet.

A file's rows go to the journal when all of its pages are done; when the journal holds enough of them they become a
shard, which appears under its name when it is whole, and the journal is emptied. A kill between the two leaves rows in
both, which the next start sees. So whatever is killed, each file's rows are there once or not at all.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgpipe.archive.journal import Journal
from ecgpipe.archive.rows import SCHEMA
from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path

GROUP_ROWS = 1200  # of a row group: about 100 pages
FACTS = ["id", "version", "page", "status", "reason", "warnings"]  # by which a page is counted
SAMPLES = ["samples_mv", "sigma_mv"]


class Shards:
    """The shards `shard-000000.parquet` and so on in `folder`, each of about `files_per_shard` files' rows."""

    def __init__(self, folder: Path, files_per_shard: int) -> None:
        self.folder, self.files_per_shard = folder, files_per_shard
        self._journal = Journal(folder / ".journal")
        if self._journal.count and self._next and self._is_last_shard(next(iter(self._journal))):
            self._journal.clear()

    @property
    def paths(self) -> list[Path]:
        """Those that there are, in the order in which they were written."""
        return sorted(self.folder.glob("shard-*.parquet"))

    def facts(self) -> Iterator[pa.Table]:
        """The columns FACTS of all rows, a shard at a time, and last of those in no shard yet."""
        for path in self.paths:
            yield read_shard(path, FACTS)
        for batch in self._pending():
            yield pa.Table.from_batches([batch]).select(FACTS)

    def add(self, batches: Iterable[pa.RecordBatch]) -> pa.Table:
        """Keep the rows of all pages of one file, and return them."""
        rows = pa.concat_batches(list(batches))
        self._journal.append(rows.serialize().to_pybytes())
        if self._journal.count >= self.files_per_shard:
            self.commit()
        return pa.Table.from_batches([rows])

    def commit(self) -> None:
        """Make a shard of what is in none yet."""
        if self._journal.count:
            _write(self.folder / f"shard-{self._next:06}.parquet", self._pending())
            self._journal.clear()

    def drop(self, ids: set[str]) -> None:
        """Forget the rows of the files with these ids."""
        self.commit()
        for path in self.paths if ids else ():
            there = read_shard(path, ["id"])["id"]
            if pc.any(pc.is_in(there, pa.array(ids, pa.string()))).as_py():
                rows = read_shard(path)
                rows = rows.filter(pc.invert(pc.is_in(rows["id"], pa.array(ids, pa.string()))))
                _write(path, rows.to_batches())

    def close(self) -> None:
        self._journal.close()

    @property
    def _next(self) -> int:
        return int(self.paths[-1].stem.partition("-")[2]) + 1 if self.paths else 0

    def _pending(self) -> Iterator[pa.RecordBatch]:
        return (pa.ipc.read_record_batch(record, SCHEMA) for record in self._journal)

    def _is_last_shard(self, record: bytes) -> bool:
        """Whether the last shard was made of a journal that begins with this record."""
        rows = pa.ipc.read_record_batch(record, SCHEMA)
        there = read_shard(self.paths[-1], ["id", "version"])
        same = pc.and_(pc.equal(there["id"], rows["id"][0]), pc.equal(there["version"], rows["version"][0]))
        return bool(pc.any(same).as_py())


def read_shard(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The rows of a shard; DataError if it is none."""
    try:
        return pq.read_table(path, columns=columns, partitioning=None)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: found no shard that can be read ({' '.join(str(error).split())}); "
            "delete it and run again, and its pages are read once more"
        ) from None


def _write(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a shard whole or not at all, its row groups one after another."""
    plain = [f"{name}.list.element" for name in SAMPLES]
    texts = [field.name for field in SCHEMA if field.type == pa.string()]
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(
            temporary, SCHEMA, compression="zstd", use_dictionary=texts, use_byte_stream_split=plain
        ) as writer:
            for rows in _grouped(batches):
                writer.write_table(rows)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


def _grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of at least GROUP_ROWS rows but for the last."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
