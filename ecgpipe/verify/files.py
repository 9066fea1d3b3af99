"""Checks of files: is the data set on disk the one that was fetched, and has every file the form it should have?"""

import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError, EcgpipeError
from ecgpipe.base.tables import write_table
from ecgpipe.competition import manifest as manifests
from ecgpipe.competition.dataset import Dataset, Record, page_of, read_signal, read_submission, submission_ids
from ecgpipe.competition.windows import DURATION_S, lead_slice
from ecgpipe.page.layout import LEADS
from ecgpipe.params import Verify
from ecgpipe.rectify.picture import read_picture

NAMED = 3  # findings that the one-line summary spells out
CELL_BYTES = 32  # at most of a number in a record CSV; a longer file is not even parsed

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong with the file at `path`, relative to the data set: what was found and what was expected."""

    path: str
    problem: str


@dataclass(frozen=True)
class Picture:
    """A decoded picture: its sides in px, shorter first, and a hash of its pixels."""

    sides_px: tuple[int, int]
    pixels: str


@dataclass(frozen=True)
class Report:
    """All findings, how much was checked, and what later checks build on.

    `hashes` has the SHA-256 of each file by its path relative to the data set, `pictures` what each decoded one is,
    `records` the rows of train.csv that are in form.
    """

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    hashes: dict[str, str]
    pictures: dict[str, Picture]
    records: tuple[Record, ...]

    @property
    def training_pictures(self) -> set[tuple[str, str]]:
        """(SHA-256, kind) of each."""
        pages = ((sha256, page_of(path)) for path, sha256 in self.hashes.items())
        return {(sha256, page[1]) for sha256, page in pages if page and page[1]}

    def write_findings(self, path: str | Path) -> None:
        """Write the findings as CSV `path,problem`; a sound data set leaves the header alone."""
        table = pd.DataFrame([vars(finding) for finding in self.findings], columns=["path", "problem"])
        write_table(path, table)

    def raise_if_bad(self, advice: str) -> None:
        """DataError of one line with the first findings and `advice`, if there are findings."""
        if self.findings:
            first = "; ".join(f"{finding.path}: {finding.problem}" for finding in self.findings[:NAMED])
            raise DataError(f"faults in the data: {len(self.findings)}, first: {first}; {advice}")


def verify(root: str | Path, manifest: pd.DataFrame, params: Verify) -> Report:
    """Hash every file, decode every picture, read every table and signal of the data set below `root`."""
    files = manifests.build(root, params.workers)
    examination = _Examination(Dataset(root), params)
    examination.manifest(manifest, files)
    counts = (
        examination.links() + examination.train() + examination.test() + examination.pictures() + examination.signals()
    )
    counts.update(files=len(files), bytes=int(files["bytes"].sum()), findings=len(examination.findings))
    return Report(
        tuple(sorted(examination.findings)),
        dict(counts),
        hashes=dict(zip(files["path"], files["sha256"], strict=True)),
        pictures=examination.decoded,
        records=examination.records,
    )


class _Examination:
    """One pass over a data set; each method notes what it finds wrong and returns what it counted."""

    def __init__(self, dataset: Dataset, params: Verify) -> None:
        self.dataset, self.params = dataset, params
        self.findings: list[Finding] = []
        self.expected_rows: dict[Path, int] = {}  # of each record CSV that a table speaks of
        self.records: tuple[Record, ...] = ()
        self.decoded: dict[str, Picture] = {}

    def note(self, path: Path, problem: str) -> None:
        self.findings.append(Finding(path.relative_to(self.dataset.root).as_posix(), problem))

    def attempt(self, path: Path, read: Callable[[], T]) -> T | None:
        """What `read` returns, or None and a finding about `path` when it fails in an expected way."""
        try:
            return read()
        except EcgpipeError as error:
            self.note(path, str(error).removeprefix(f"{path}: "))
            return None

    def manifest(self, expected: pd.DataFrame, found: pd.DataFrame) -> None:
        for row in manifests.changes(expected, found).itertuples():
            self.note(self.dataset.root / row.path, f"{row.change}: found {row.found}, expected {row.expected}")

    def links(self) -> Counter:
        """No file is a symbolic link, except to DVC's own cache."""
        links = [path for path in self.dataset.root.rglob("*") if path.is_symlink()]
        for path in links:
            if "files/md5" not in (target := path.resolve()).as_posix():
                self.note(path, f"found a symbolic link to {target}, expected the file itself")
        return Counter(links=len(links))

    def train(self) -> Counter:
        """train.csv against its folder; every record must have the kinds that any record has."""
        dataset = self.dataset
        examined = self.attempt(dataset.train_table_path, dataset.examined_train_table)
        if examined is None:
            return Counter()
        self.records, problems = examined
        for id_, problem in problems:
            self.note(dataset.train_table_path, f"record {id_}: {problem}")
        self.expected_rows |= {dataset.signal_path(record.id): record.sig_len for record in self.records}
        ids = {record.id for record in self.records} | {id_ for id_, _ in problems if "/" not in id_}
        kinds = set().union(*(dataset.kinds_of(id_) for id_ in ids))
        promised = {dataset.signal_path(id_) for id_ in ids}
        promised |= {dataset.image_path(id_, kind) for id_ in ids for kind in kinds}
        self._compare_folder(dataset.train_folder, promised)
        return Counter(train_records=len(self.records))

    def test(self) -> Counter:
        """test.csv against its folder and the sample submission."""
        dataset = self.dataset
        test = self.attempt(dataset.test_table_path, dataset.test_table)
        if test is None:
            return Counter()
        rates = test.groupby("id", sort=False)["fs"].agg(["first", "size"])
        for id_ in rates.index[rates["size"] != len(LEADS)]:
            self.note(dataset.test_table_path, f"record {id_}: found {rates.at[id_, 'size']} rows, expected 12")
        for row in test.itertuples():
            window = lead_slice(row.lead, round(DURATION_S * row.fs))
            if abs(row.number_of_rows - (window.stop - window.start)) > 1:
                found = f"record {row.id}, lead {row.lead}: found {row.number_of_rows} rows"
                self.note(dataset.test_table_path, f"{found}, expected {window.stop - window.start} at its {row.fs} Hz")
        truths = {dataset.test_truth_path(id_): round(DURATION_S * fs) for id_, fs in rates["first"].items()}
        self.expected_rows |= {path: rows for path, rows in truths.items() if path.is_file()}
        self._compare_folder(dataset.test_folder, {dataset.test_image_path(id_) for id_ in rates.index})

        path = dataset.sample_submission_path
        sample = self.attempt(path, lambda: read_submission(path))
        if sample is not None and list(sample["id"]) != submission_ids(test):
            self.note(path, f"found {len(sample)} rows with other ids than test.csv asks for, expected the same")
        return Counter(test_records=len(rates))

    def pictures(self) -> Counter:
        """Every picture decoded to its last pixel."""
        paths = [path for path in self.dataset.files() if path.suffix == ".png"]
        with ThreadPoolExecutor(self.params.workers) as pool:  # decoding releases the interpreter
            decoded = pool.map(lambda path: self.attempt(path, lambda: _decode(path)), paths)
            names = (path.relative_to(self.dataset.root).as_posix() for path in paths)
            self.decoded = {name: found for name, found in zip(names, decoded, strict=True) if found}
        return Counter(pictures=len(paths))

    def signals(self) -> Counter:
        """Header, rows, numbers, windows and amplitudes of every record CSV."""
        paths = [path for path in self.expected_rows if path.is_file()]
        return sum((self._signal(path) for path in paths), Counter(signals=len(paths)))

    def _signal(self, path: Path) -> Counter:
        size, most = path.stat().st_size, (self.expected_rows[path] + 1) * len(LEADS) * CELL_BYTES
        if size > most:
            self.note(path, f"found {size} bytes, expected at most {most} for {self.expected_rows[path]} rows")
            return Counter()
        series = self.attempt(path, lambda: read_signal(path, self.expected_rows[path]))
        if series is None:
            return Counter()
        height, limit_mv = np.nan_to_num(np.abs(series)), self.params.amplitude_limit_mv
        lead, row = np.unravel_index(height.argmax(), height.shape)
        if height[lead, row] > limit_mv:
            found = f"lead {LEADS[lead]}, row {row}: found {series[lead, row]:g} mV"
            self.note(path, f"{found}, expected at most {limit_mv:g} mV either way")
        return Counter(truth_values=int(np.isfinite(series).sum()))

    def _compare_folder(self, folder: Path, promised: set[Path]) -> None:
        found = {path for path in self.dataset.files() if path.is_relative_to(folder)}
        for path in promised - found:
            self.note(path, f"found no such file, expected it from {folder.name}.csv and the other records")
        for path in found - promised:
            self.note(path, f"found a file that {folder.name}.csv and the competition's kinds do not account for")


def _decode(path: Path) -> Picture:
    pixels = read_picture(path)
    return Picture(tuple(sorted(pixels.shape[:2])), hashlib.sha256(pixels.data).hexdigest())
