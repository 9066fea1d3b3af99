"""CSV of series, and of rows of anything. A NaN is an empty field: the picture does not show it.

Reads and writes without pandas, whose import takes a second that the command line does not have.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ecgpipe.base.files import atomic_path
from ecgpipe.competition.signals import TIME, read_leads
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS

SERIES_DECIMALS = 4  # of a millivolt: 0.1 µV; a hundredth of a frame's pixel is worth 0.1 µV as well


def write(path: Path, series: Series) -> None:
    """Write the series as `write_csv` does, with a column of times if it asks for one."""
    write_csv(path, series.series_mv, series.fs_hz if series.with_time else None)


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
