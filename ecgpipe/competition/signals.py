"""The competition's record CSVs. Nothing here needs pandas, so that scoring works without it."""

import csv
from pathlib import Path

import numpy as np

from ecgpipe.base.errors import DataError, row_name
from ecgpipe.base.files import atomic_path
from ecgpipe.competition.windows import DURATION_S, lead_slice, mask_windows, window_mask
from ecgpipe.page.layout import LEADS

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
    header, rows = _read_rows(path)
    for lead in LEADS:
        if lead not in header:
            raise DataError(f"{path}: lead {lead} is missing, expected the columns {','.join(LEADS)}")
    if unknown := [name for place, name in enumerate(header) if name not in LEADS or name in header[:place]]:
        raise DataError(f"{path}: found the column {unknown[0]!r}, expected only {','.join(LEADS)}")
    if sig_len is not None and len(rows) != sig_len:
        last = f"the last is {row_name(len(rows) - 1)}" if rows else "there is none"
        raise DataError(f"{path}: every lead has {len(rows)} rows, {last}; expected {sig_len}")
    for place, row in enumerate(rows):
        if len(row) != len(header):
            raise DataError(f"{path}: {row_name(place)}: found {len(row)} fields, expected {len(header)}")
    series = np.array([_numbers(path, lead, [row[header.index(lead)] for row in rows]) for lead in LEADS])
    _check_windows(path, series)
    return series


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


def _numbers(path: str | Path, lead: str, texts: list[str]) -> list[float]:
    """One lead's column, NaN for an empty field."""
    numbers: list[float] = []
    try:
        for text in texts:
            numbers.append(float(text or "nan"))
    except ValueError:
        row = len(numbers)
        raise DataError(
            f"{path}: lead {lead}, {row_name(row)}: found {texts[row]!r}, expected a number in mV"
        ) from None
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
