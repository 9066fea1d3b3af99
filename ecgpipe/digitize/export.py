"""Digitised series as CSV and as WFDB, and tables of pages. A NaN is an empty field: the picture does not show it.

Reads and writes without pandas, whose import takes a second that the command line does not have.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ecgpipe.base.files import atomic_path
from ecgpipe.competition.signals import TIME, read_leads
from ecgpipe.page.layout import LEADS

SERIES_DECIMALS = 4  # of a millivolt: 0.1 µV; a hundredth of a frame's pixel is worth 0.1 µV as well
ADC_PER_MV = 2000  # WFDB units: 0.5 µV steps, ±16 mV in 16 bits
ADC_LIMIT, NO_SAMPLE = 2**15 - 1, -(2**15)


def write_csv(path: str | Path, series_mv: np.ndarray, time_fs_hz: float | None = None) -> None:
    """Write `series_mv` (12, n) as 12 columns I..V6, an empty field for NaN; with `time_fs_hz`, their rate in Hz, after
    a column `time_s` from 0 on."""
    texts = np.char.mod(f"%.{SERIES_DECIMALS}f", np.asarray(series_mv, np.float64).T)
    texts[np.isnan(series_mv).T] = ""
    header: tuple[str, ...] = LEADS
    if time_fs_hz is not None:
        header = (TIME, *LEADS)
        texts = np.column_stack([np.char.mod("%.9g", np.arange(len(texts)) / time_fs_hz), texts])
    lines = [",".join(header), *map(",".join, texts)]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def write_rows(path: str | Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a CSV of `rows`, whose columns are all the keys in the order of their first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(
            {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows
        )


def read_series(path: str | Path) -> np.ndarray:
    """Series (12, n) in mV of a CSV as `write_csv` makes it; DataError names file and row of anything else."""
    return read_leads(path).series_mv


def wfdb_name(stem: str) -> str:
    """`stem` as a WFDB record name, which may hold letters, digits, `-` and `_` only."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", stem)


def write_wfdb(folder: str | Path, name: str, series_mv: np.ndarray, fs_hz: float) -> None:
    """Write `series_mv` (12, n) as the WFDB record `folder`/`name`.hea and .dat, 16 bits; NaN as "no sample".

    By hand, as the wfdb package brings 190 MB of others: format 16 is little-endian words, sample by sample.
    """
    words = np.clip(np.rint(np.asarray(series_mv, np.float64) * ADC_PER_MV), -ADC_LIMIT, ADC_LIMIT)
    words = np.nan_to_num(words, nan=NO_SAMPLE).astype("<i2")
    lines = [f"{name} {len(LEADS)} {fs_hz:.10g} {words.shape[1]}"]
    for lead, row in zip(LEADS, words, strict=True):
        checksum = int(row.sum(dtype=np.int64)) % 2**16
        lines.append(f"{name}.dat 16 {ADC_PER_MV}(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    with atomic_path(Path(folder, f"{name}.dat")) as temporary:
        temporary.write_bytes(words.T.tobytes())
    with atomic_path(Path(folder, f"{name}.hea")) as temporary:  # last: a record is there when its header is
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")
