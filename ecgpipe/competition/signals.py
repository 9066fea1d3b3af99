"""The competition's record CSVs, and other tables of leads. Nothing here needs pandas: scoring works without it."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError, row_name
from ecgpipe.base.files import atomic_path
from ecgpipe.competition.windows import DURATION_S, lead_slice, mask_windows, window_mask
from ecgpipe.page.layout import LEADS

TIME = "time_s"  # the name of a column that tells the rate
EVEN_SHARE = 0.01  # of a step, by which steps of time may differ
SIGNAL_DECIMALS = 5  # of a millivolt: 0.01 µV, far below the 5 µV steps of the originals


def write_signal(path: str | Path, series: np.ndarray, fs_hz: int) -> None:
    """Write `series` (12, 10·fs_hz) in mV as a record CSV with 5 decimals; always NaN outside the windows.

    DataError if a value inside a window is not finite, so that every file written here can be read back.
    """
    expected = (len(LEADS), round(DURATION_S * fs_hz))
    if series.shape != expected:
        raise DataError(f"{path}: found a series of shape {series.shape}, expected {expected} at {fs_hz} Hz")
    masked = mask_windows(series)
    _check_windows(path, masked)
    texts = np.char.mod(f"%.{SIGNAL_DECIMALS}f", masked.T.astype(np.float64))
    texts[np.isnan(masked.T)] = "NaN"
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([",".join(LEADS), *map(",".join, texts)]) + "\n", encoding="ascii")


def read_signal(path: str | Path, sig_len: int | None = None) -> np.ndarray:
    """Signals (12, n) float64 in mV of a record CSV, NaN outside the windows.

    DataError names file, lead and row for a missing or unknown lead, a text in a number's place, another number of
    rows than `sig_len` (not checked when None), a window with a value that is no finite number, a number outside it.
    """
    columns = _read_columns(path, LEADS)
    rows = len(columns["I"])
    if sig_len is not None and rows != sig_len:
        last = f"the last is {row_name(rows - 1)}" if rows else "there is none"
        raise DataError(f"{path}: every lead has {rows} rows, {last}; expected {sig_len}")
    series = _series(path, columns)
    _check_windows(path, series)
    return series


class LeadTable(NamedTuple):
    """Leads (12, n) float64 in mV, NaN where a CSV has none; the rate that its column `time_s` tells, if it has one."""

    series_mv: np.ndarray
    fs_hz: float | None


def read_leads(path: str | Path) -> LeadTable:
    """Any CSV of twelve leads in mV, whatever it shows of them, with or without a column `time_s`.

    DataError names file, lead and row for a missing or unknown column, a row of another width, what is no number, and
    for times that are not evenly spaced.
    """
    columns = _read_columns(path, (*LEADS, TIME))
    series = _series(path, columns)
    if not series.size:
        raise DataError(f"{path}: found no row below the header, expected the samples of twelve leads")
    if np.isinf(series).any():
        lead, row = np.argwhere(np.isinf(series))[0]
        raise DataError(
            f"{path}: lead {LEADS[lead]}, {row_name(row)}: found {series[lead, row]}, expected a number in mV"
        )
    return LeadTable(series, _rate(path, columns[TIME]) if TIME in columns else None)


def _rate(path: str | Path, texts: list[str]) -> float | None:
    """The rate in Hz of a column of evenly spaced times; None of a single one."""
    times_s = np.array(_numbers(path, TIME, texts))
    steps_s = np.diff(times_s)
    if not steps_s.size:
        return None
    step_s = (times_s[-1] - times_s[0]) / len(steps_s)
    even = np.abs(steps_s - step_s) <= EVEN_SHARE * step_s
    if not even.all():
        row = int(even.argmin()) + 1
        raise DataError(
            f"{path}: {TIME}, {row_name(row)}: found {texts[row]!r} after {texts[row - 1]!r}, expected even steps"
        )
    return float(1 / step_s)


def _read_columns(path: str | Path, known: tuple[str, ...]) -> dict[str, list[str]]:
    """The texts of each column of a CSV that has all leads and no column but the `known` ones."""
    header, rows = _read_rows(path)
    for lead in LEADS:
        if lead not in header:
            raise DataError(f"{path}: lead {lead} is missing, expected the columns {','.join(LEADS)}")
    if unknown := [name for place, name in enumerate(header) if name not in known or name in header[:place]]:
        raise DataError(f"{path}: found the column {unknown[0]!r}, expected only {','.join(known)}")
    for place, row in enumerate(rows):
        if len(row) != len(header):
            raise DataError(f"{path}: {row_name(place)}: found {len(row)} fields, expected {len(header)}")
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def _series(path: str | Path, columns: dict[str, list[str]]) -> np.ndarray:
    return np.array([_numbers(path, lead, columns[lead]) for lead in LEADS])


def _read_rows(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """The header of a CSV and its rows, empty lines left out."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            header, *rows = filter(None, csv.reader(file))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected a CSV table") from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV table: {' '.join(str(error).split())}") from None
    return header, rows


def _numbers(path: str | Path, column: str, texts: list[str]) -> list[float]:
    """One column, NaN for an empty field."""
    numbers: list[float] = []
    try:
        for text in texts:
            numbers.append(float(text or "nan"))
    except ValueError:
        row = len(numbers)
        what, unit = (column, "s") if column == TIME else (f"lead {column}", "mV")
        raise DataError(f"{path}: {what}, {row_name(row)}: found {texts[row]!r}, expected a number in {unit}") from None
    return numbers


def _check_windows(path: str | Path, series: np.ndarray) -> None:
    inside = window_mask(series.shape[1])
    wrong = np.where(inside, ~np.isfinite(series), ~np.isnan(series))
    if not wrong.any():
        return
    lead, row = np.argwhere(wrong)[0]
    window = lead_slice(LEADS[lead], series.shape[1])
    expected = "a number inside" if inside[lead, row] else "NaN outside"
    raise DataError(
        f"{path}: lead {LEADS[lead]}, {row_name(row)}: found {series[lead, row]:g}, "
        f"expected {expected} the window of rows {window.start} to {window.stop - 1}"
    )
