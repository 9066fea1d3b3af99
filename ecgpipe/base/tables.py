"""CSV tables read strictly: errors name file, row and column."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ecgpipe.base.errors import DataError, row_name
from ecgpipe.base.files import atomic_path


def read_strict_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv`, but NA and the like stay text unless `options` say so; DataError if it is no table."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more fields than the header
            return pd.read_csv(path, keep_default_na=False, index_col=False, low_memory=False, **options)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected a CSV table") from None
    except pd.errors.ParserWarning:
        raise DataError(f"{path}: found a row with more fields than the header names, expected as many") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV table: {' '.join(str(error).split())}") from None


def read_table(path: str | Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """A table of at least one row with exactly these columns, each str or int; integers are above 0."""
    table = read_strict_csv(path, dtype=str)
    if list(table.columns) != list(columns):
        raise DataError(f"{path}: found the columns {','.join(table.columns)}, expected {','.join(columns)}")
    if table.empty:
        raise DataError(f"{path}: found no row below the header, expected at least one")
    for name in (name for name, kind in columns.items() if kind is int):
        whole = table[name].str.fullmatch(r"[1-9]\d{0,8}", flags=re.ASCII)
        check_rows(path, table, whole, name, "a whole number above 0")
    return table.astype(dict(columns))


def check_rows(path: str | Path, table: pd.DataFrame, good: pd.Series, column: str, expected: str) -> None:
    """DataError that names the first row of `table` that is not `good`, and what its `column` holds."""
    for problem in bad_rows(table, good, column, expected):
        raise DataError(f"{path}: {problem}")


def bad_rows(table: pd.DataFrame, good: pd.Series, column: str, expected: str) -> list[str]:
    """A line for each row of `table` that is not `good`: where it is, what its `column` holds, what was expected."""
    rows = (~good.to_numpy(bool)).nonzero()[0]
    return [f"{row_name(row)}, {column}: found {str(table[column].iloc[row])!r}, expected {expected}" for row in rows]


def write_table(path: str | Path, table: pd.DataFrame, *, decimals: int | None = None, na_rep: str = "") -> None:
    """Write `table` as CSV, floats with `decimals` if given."""
    float_format = None if decimals is None else f"%.{decimals}f"
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, na_rep=na_rep, float_format=float_format, lineterminator="\n")
