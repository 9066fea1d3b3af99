"""The simple table, read strictly: a row is one picture, the signal that it shows, and the lead that names it."""

from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.tables import bad_rows, read_table
from ecgpipe.page.layout import LEADS

COLUMNS = {"ecg_id": str, "image": str, "signal": str, "lead": str}
MIN_SAMPLES = 32  # of a signal; the shortest window of the frequency loss


def read_rows(folder: str | Path, name: str) -> pd.DataFrame:
    """The rows (ecg_id, image, signal, lead) of the table `name` in `folder`, all of them text.

    An ECG may have several rows, one a lead. DataError with a line for each row that names an unknown lead, a lead or
    picture twice, or a file that is not there or lies outside `folder`.
    """
    folder = Path(folder)
    path = folder / name
    table = read_table(path, COLUMNS)
    problems = bad_rows(table, table["ecg_id"] != "", "ecg_id", "the name of an ECG")
    problems += bad_rows(table, table["lead"].isin(LEADS), "lead", f"one of {', '.join(LEADS)}")
    once = ~table.duplicated(["ecg_id", "lead"])
    problems += bad_rows(table, once, "lead", "each lead of an ECG once")
    problems += bad_rows(table, ~table.duplicated("image"), "image", "each picture once, or folds would share it")
    for column in ("image", "signal"):
        inside = table[column].map(_is_inside)
        problems += bad_rows(table, inside, column, f"a file in {folder}, named from there")
        there = table[column].map(lambda file: (folder / file).is_file())
        problems += bad_rows(table, ~inside | there, column, f"a file that is there, in {folder}")
    raise_if(problems, path)
    return table


def raise_if(problems: list[str], path: Path) -> None:
    """DataError with all `problems` of the table `path`, a line each, if there are any."""
    if problems:
        raise DataError("\n".join(f"{path}: {problem}" for problem in problems))


def read_signal(path: Path) -> np.ndarray:
    """A signal (channels, samples) float32 in mV; DataError for whatever else the .npy file may hold."""
    try:
        signal = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise DataError(f"{path}: not an array of numpy's that can be read: {' '.join(str(error).split())}") from None
    expected = f"expected a .npy file of (channels, samples) floating-point mV, {MIN_SAMPLES} samples or more"
    if not isinstance(signal, np.ndarray):
        raise DataError(f"{path}: found several arrays, {expected}")
    if signal.ndim != 2 or not len(signal) or signal.shape[1] < MIN_SAMPLES:
        raise DataError(f"{path}: found the shape {signal.shape}, {expected}")
    if signal.dtype.kind != "f":
        raise DataError(f"{path}: found {signal.dtype} values, {expected}")
    with np.errstate(over="ignore"):
        signal_mv = signal.astype(np.float32)
    bad = np.argwhere(~np.isfinite(signal_mv))
    if len(bad):
        channel, sample = bad[0]
        raise DataError(f"{path}: found {signal[channel, sample]} at channel {channel}, sample {sample}, {expected}")
    if not signal_mv.any():
        raise DataError(f"{path}: found nothing but 0 mV, expected a signal")
    return signal_mv


def _is_inside(file: str) -> bool:
    path = PurePath(file)
    return file != "" and not path.is_absolute() and ".." not in path.parts
