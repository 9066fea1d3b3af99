"""The competition's data: records, kinds, tables, and the one folder layout, read and written here only.

A record's signals are read and written in `ecgpipe.competition.signals`.

train.csv                    id,fs,sig_len
train/<id>/<id>.csv          sig_len rows, 12 leads in mV, NaN outside each lead's printed window
train/<id>/<id>-<kind>.png
test.csv                     id,lead,fs,number_of_rows
test/<id>.png                kind not told
test_truth/<id>.csv          ours, where the truth is known: not part of the competition's files
sample_submission.parquet    id,value
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.base.tables import bad_rows, check_rows, read_strict_csv, read_table, write_table
from ecgpipe.competition.signals import SIGNAL_DECIMALS, read_signal, write_signal  # noqa: F401, two belong to the data as well
from ecgpipe.competition.windows import DURATION_S, lead_slice
from ecgpipe.page.layout import LEADS

Kind = Literal["0001", "0003", "0004", "0005", "0006", "0009", "0010", "0011", "0012"]
KINDS: tuple[str, ...] = get_args(Kind)
FULL_SET_PAGES = 8793  # training pictures of the competition
PHOTO_KINDS = ("0005", "0006", "0009", "0010")
# px of the short and the long side, by kind: renders are all alike, scans nearly, photos as the phone has it
_SCAN_PX = ((1400, 1950), (1900, 2500))
_PHOTO_PX = ((600, 5000), (800, 7000))
SIZE_LIMITS_PX = {kind: _PHOTO_PX if kind in PHOTO_KINDS else _SCAN_PX for kind in KINDS} | {
    "0001": ((1700,) * 2, (2200,) * 2)
}
RATES_HZ = (250, 256, 500, 512, 1000, 1025)

_TRAIN_COLUMNS = {"id": str, "fs": int, "sig_len": int}
_TEST_COLUMNS = {"id": str, "lead": str, "fs": int, "number_of_rows": int}


@dataclass(frozen=True)
class Record:
    """One patient's ECG in train.csv: sampling rate in Hz and samples a lead, `sig_len = 10·fs`."""

    id: str
    fs: int
    sig_len: int


# ---- submissions


def submission_ids(test: pd.DataFrame) -> list[str]:
    """`{record}_{sample}_{lead}` for every sample that the rows of test.csv ask for, in their order."""
    rows = zip(test["id"], test["lead"], test["number_of_rows"], strict=True)
    return [f"{record}_{sample}_{lead}" for record, lead, count in rows for sample in range(count)]


def submission_table(test: pd.DataFrame, segments: Mapping[str, Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """The submission `id,value` from each record's lead -> segment in mV, for the rows of `test`.

    DataError names the record and lead whose segment is missing, has another length than number_of_rows, or holds
    NaN or infinity.
    """
    values = []
    for record, lead, count in zip(test["id"], test["lead"], test["number_of_rows"], strict=True):
        place = f"submission: record {record}, lead {lead}"
        segment = segments.get(record, {}).get(lead)
        if segment is None:
            raise DataError(f"{place}: found no segment, expected {count} samples")
        segment = np.asarray(segment, np.float64)
        if segment.shape != (count,):
            raise DataError(f"{place}: found a segment of shape {segment.shape}, expected {count} samples")
        if not np.isfinite(segment).all():
            row = int(np.argmin(np.isfinite(segment)))
            raise DataError(f"{place}, sample {row}: found {segment[row]:g}, expected a finite number")
        values.append(segment)
    return pd.DataFrame({"id": submission_ids(test), "value": np.concatenate(values)})


def write_submission(path: str | Path, table: pd.DataFrame) -> None:
    """Write a submission as CSV (5 decimals) or parquet, by the suffix of `path`."""
    if Path(path).suffix == ".parquet":
        import pyarrow  # noqa: F401, pandas does not say as plainly what is missing

        with atomic_path(path) as temporary:
            table.to_parquet(temporary, index=False)
    else:
        write_table(path, table, decimals=SIGNAL_DECIMALS)


def read_submission(path: str | Path) -> pd.DataFrame:
    """A submission `id,value` from CSV or parquet, by the suffix of `path`."""
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file, expected a submission")
    parquet = Path(path).suffix == ".parquet"
    if parquet:
        import pyarrow  # noqa: F401, pandas does not say as plainly what is missing
    try:
        table = pd.read_parquet(path) if parquet else read_strict_csv(path)
    except (OSError, ValueError) as error:  # pyarrow's errors derive from these
        raise DataError(f"{path}: not a submission: {' '.join(str(error).split())}") from None
    if list(table.columns) != ["id", "value"]:
        raise DataError(f"{path}: found the columns {','.join(table.columns)}, expected id,value")
    return table


# ---- the folder

_TRAIN_FILE = re.compile(r"train/(?P<record>[^/]+)/(?P=record)(-(?P<kind>\w+)\.png|\.csv)")


def record_of(path: str) -> str | None:
    """The training record that a path below the data set belongs to, None for tables and test pictures."""
    match = _TRAIN_FILE.fullmatch(path)
    return match["record"] if match else None


def page_of(path: str) -> tuple[str, str] | None:
    """(id, kind) of a training picture by its path below the data set, kind "" for a record's CSV; None for others."""
    match = _TRAIN_FILE.fullmatch(path)
    return (match["record"], match["kind"] or "") if match else None


def is_chosen(path: str, kinds: Collection[str], records: Collection[str] | None) -> bool:
    """Whether a path below the data set is wanted: all but pictures not of `kinds` and files not of `records` (None:
    any)."""
    match = _TRAIN_FILE.fullmatch(path)
    if match is None:
        return True
    return (match["kind"] is None or match["kind"] in kinds) and (records is None or match["record"] in records)


@dataclass(frozen=True)
class Dataset:
    """A folder in the competition's layout. Reading a table that does not have its form is a DataError."""

    root: Path

    def __init__(self, root: str | Path) -> None:
        object.__setattr__(self, "root", Path(root))

    @property
    def train_table_path(self) -> Path:
        return self.root / "train.csv"

    @property
    def test_table_path(self) -> Path:
        return self.root / "test.csv"

    @property
    def train_folder(self) -> Path:
        return self.root / "train"

    @property
    def test_folder(self) -> Path:
        return self.root / "test"

    @property
    def test_truth_folder(self) -> Path:
        return self.root / "test_truth"

    @property
    def sample_submission_path(self) -> Path:
        return self.root / "sample_submission.parquet"

    def image_path(self, record_id: str, kind: str) -> Path:
        return self.train_folder / record_id / f"{record_id}-{kind}.png"

    def signal_path(self, record_id: str) -> Path:
        return self.train_folder / record_id / f"{record_id}.csv"

    def test_image_path(self, record_id: str) -> Path:
        return self.test_folder / f"{record_id}.png"

    def test_truth_path(self, record_id: str) -> Path:
        return self.test_truth_folder / f"{record_id}.csv"

    def files(self) -> list[Path]:
        """The files that make up the data set, sorted; whatever else lies in the folder is left out."""
        singles = (self.train_table_path, self.test_table_path, self.sample_submission_path)
        folders = (self.train_folder, self.test_folder, self.test_truth_folder)
        found = [path for path in singles if path.is_file()]
        return sorted(found + [path for folder in folders for path in folder.rglob("*") if path.is_file()])

    def kinds_of(self, record_id: str) -> tuple[str, ...]:
        """The kinds of which the training record has a picture."""
        return tuple(kind for kind in KINDS if self.image_path(record_id, kind).is_file())

    def train_records(self) -> tuple[Record, ...]:
        """The rows of train.csv."""
        records, problems = self.examined_train_table()
        if problems:
            raise DataError(f"{self.train_table_path}: {problems[0][1]}")
        return records

    def examined_train_table(self) -> tuple[tuple[Record, ...], list[tuple[str, str]]]:
        """The valid rows of train.csv, and (id, problem) of each of the others.

        DataError if the file as a whole is not such a table.
        """
        table = read_table(self.train_table_path, _TRAIN_COLUMNS)
        checks = (
            (_is_id(table), "id", "letters, digits, - or _"),
            (~table["id"].duplicated(), "id", "each record once"),
            (table["sig_len"] == DURATION_S * table["fs"], "sig_len", "10 times fs"),
        )
        problems = [
            found
            for good, column, expected in checks
            for found in zip(table["id"][~good], bad_rows(table, good, column, expected), strict=True)
        ]
        good = np.logical_and.reduce([check[0] for check in checks])
        return tuple(Record(*row) for row in table[good].itertuples(index=False, name=None)), problems

    def test_table(self) -> pd.DataFrame:
        """The rows of test.csv: id and lead as text, fs in Hz and number_of_rows as integers."""
        path = self.test_table_path
        table = read_table(path, _TEST_COLUMNS)
        _check_ids(path, table)
        check_rows(path, table, table["lead"].isin(LEADS), "lead", f"one of {', '.join(LEADS)}")
        check_rows(path, table, ~table.duplicated(["id", "lead"]), "lead", "each lead of a record once")
        return table

    def test_ids(self) -> tuple[str, ...]:
        """The records of test.csv in their order."""
        return tuple(self.test_table()["id"].unique())

    def write_train_table(self, records: Iterable[Record]) -> None:
        write_table(self.train_table_path, pd.DataFrame([asdict(r) for r in records], columns=list(_TRAIN_COLUMNS)))

    def write_test_table(self, records: Iterable[Record]) -> None:
        """Write test.csv, twelve rows a record with the lengths of the leads' windows."""
        rows = []
        for record in records:
            for lead in LEADS:
                window = lead_slice(lead, record.sig_len)
                rows.append((record.id, lead, record.fs, window.stop - window.start))
        write_table(self.test_table_path, pd.DataFrame(rows, columns=list(_TEST_COLUMNS)))


def _check_ids(path: Path, table: pd.DataFrame) -> None:
    """DataError unless every id is safe as a file name."""
    check_rows(path, table, _is_id(table), "id", "letters, digits, - or _")


def _is_id(table: pd.DataFrame) -> pd.Series:
    return table["id"].str.fullmatch(r"[\w-]+", flags=re.ASCII)
