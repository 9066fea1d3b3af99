"""Submissions: built from predictions, checked against test.csv, and scored where the truth is known.

Their ids, tables and files are those of `ecgpipe.competition.dataset`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import submission_ids, submission_table
from ecgpipe.competition.windows import lead_segments
from ecgpipe.page.layout import LEADS
from ecgpipe.score.metrics import Pair, evaluate, summary

ID_PATTERN = r"^(?P<record>.+)_(?P<sample>[0-9]{1,9})_(?P<lead>[A-Za-z0-9]+)$"

# record -> its leads' own segments in mV, or a series (12, n) from whose windows they are cut
Predictions = Mapping[str, Mapping[str, np.ndarray] | np.ndarray]


def submission_from(test: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """The submission `id,value` that `test` (id, lead, fs, number_of_rows) asks for, in its order.

    DataError names record, lead and row where a prediction is missing, has another length or is no finite number.
    """
    return submission_table(test, {record: _segments(record, found) for record, found in predictions.items()})


def solution(test: pd.DataFrame, truth: Predictions) -> pd.DataFrame:
    """The truth as the table `id,fs,value` (fs in Hz) that `score` compares with, for the rows of `test`."""
    table = submission_from(test, truth)
    table.insert(1, "fs", np.repeat(test["fs"].to_numpy(), test["number_of_rows"]))
    return table


def check(submission: pd.DataFrame, test: pd.DataFrame) -> None:
    """DataError with the first row where `submission` is not what `test` asks for, row for row; None if all is well."""
    _check_rows(submission, pd.Series(submission_ids(test), dtype="str"))


def check_values(name: str | Path, submission: pd.DataFrame) -> None:
    """DataError with the first row of a submission `id,value` whose value is no finite number, or if it has no row."""
    finite = np.isfinite(pd.to_numeric(submission["value"], errors="coerce").to_numpy(np.float64))
    if finite.all() and len(finite):
        return
    if not len(finite):
        raise DataError(f"{name}: found no row, expected a value for each id")
    row = int(finite.argmin())
    id_, value = submission["id"].iloc[row], submission["value"].iloc[row]
    raise DataError(f"{name}: row {row}, {id_}: found {value}, expected a number")


def parse_ids(ids: pd.Series) -> pd.DataFrame:
    """Columns record, sample (int64) and lead of ids `{record}_{sample}_{lead}`; the record may hold `_` itself."""
    parts = pc.extract_regex(pa.array(ids, pa.string()), ID_PATTERN)
    if parts.null_count:
        row = int(pc.index(pc.is_null(parts), True).as_py())
        raise DataError(f"row {row}: found the id {ids.iloc[row]!r}, expected record_sample_lead")
    record, sample, lead = (pd.Series(part.to_pandas()) for part in parts.flatten())
    return pd.DataFrame({"record": record, "sample": sample.astype("int64"), "lead": lead})


def submission_pairs(submission: pd.DataFrame, solution: pd.DataFrame) -> Iterator[Pair]:
    """Truth and prediction of each record, its kind not known (""), from two tables with the same ids row for row."""
    _check_rows(submission, solution["id"])
    check_values("solution", solution)
    table = parse_ids(solution["id"]).assign(
        fs=solution["fs"].to_numpy(), truth=solution["value"].to_numpy(), prediction=submission["value"].to_numpy()
    )
    out_of_order = table["sample"] != table.groupby(["record", "lead"], sort=False).cumcount()
    if out_of_order.any():
        row = int(out_of_order.argmax())
        raise DataError(f"row {row}: found the id {solution['id'].iloc[row]}, expected the samples in order from 0")
    for record, rows in table.groupby("record", sort=False):
        leads = dict(list(rows.groupby("lead", sort=False)))
        truth = {lead: group["truth"].to_numpy() for lead, group in leads.items()}
        prediction = {lead: group["prediction"].to_numpy() for lead, group in leads.items()}
        yield Pair(str(record), "", float(rows["fs"].iloc[0]), truth, prediction)


def score(submission: pd.DataFrame, solution: pd.DataFrame) -> dict[str, float]:
    """The figures of `metrics.summary` for a submission `id,value` against a solution `id,fs,value`."""
    metrics = summary(evaluate(submission_pairs(submission, solution)))
    return {name: value for name, value in metrics.items() if "/kind_" not in name}


def _segments(record: str, prediction: Mapping[str, np.ndarray] | np.ndarray) -> Mapping[str, np.ndarray]:
    if isinstance(prediction, Mapping):
        return prediction
    series = np.asarray(prediction)
    if series.ndim != 2 or len(series) != len(LEADS):
        raise DataError(f"submission: record {record}: found a series of shape {series.shape}, expected (12, samples)")
    return lead_segments(series)


def _check_rows(submission: pd.DataFrame, ids: pd.Series) -> None:
    if list(submission.columns) != ["id", "value"]:
        raise DataError(f"submission: found the columns {','.join(map(str, submission.columns))}, expected id,value")
    found, expected = submission["id"].to_numpy(object), ids.to_numpy(object)
    common = min(len(found), len(expected))
    differs = found[:common] != expected[:common]
    if differs.any():
        row = int(differs.argmax())
        raise DataError(f"submission: row {row}: found the id {found[row]}, expected {expected[row]}")
    if len(found) != len(expected):
        edge = (
            f"the first missing is {expected[common]}" if len(found) == common else f"one too many is {found[common]}"
        )
        raise DataError(f"submission: found {len(found)} rows, expected {len(expected)}; {edge}")
    check_values("submission", submission)
