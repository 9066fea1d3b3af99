"""Digitised series against the truth: from whole series or folders of CSVs to the pairs that `metrics` compares."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.competition.signals import LeadTable, read_leads
from ecgpipe.competition.windows import DURATION_S
from ecgpipe.page.layout import LEADS
from ecgpipe.score.metrics import Pair, image_snr, lead_rows

if TYPE_CHECKING:
    import pandas as pd

SAME_RATE = 1e-3  # share by which rates may differ that times in a CSV tell


class PageScore(NamedTuple):
    """One page: linear `snr` (not capped) and in dB, and the means over leads of error and correlation.

    `missing_share` of the truth's samples were not read, and count as 0 mV.
    """

    id: str
    snr: float
    snr_db: float
    mae_mv: float
    correlation: float
    missing_share: float


def pair(
    page_id: str,
    kind: str,
    truth_mv: np.ndarray,
    prediction_mv: np.ndarray,
    fs_hz: float | None = None,
    *,
    stretches: bool = False,
) -> Pair:
    """Truth and prediction (12, n) of one page, lead by lead, wherever the truth has numbers.

    What the prediction lacks there is 0 mV, as a submission needs it; leads that are wholly NaN in the truth are left
    out. `fs_hz` is by default that of ten seconds. With `stretches` a lead's stretch, from its first number on, is
    compared with the same lead's of the truth, wherever either stands in time; what goes on after the truth's end is
    not compared, and the rows may differ in number. Raises DataError where nothing can be compared.
    """
    if truth_mv.shape != prediction_mv.shape and not stretches:
        raise DataError(
            f"{page_id}: found {prediction_mv.shape} (leads, rows), expected the truth's {truth_mv.shape}; "
            "--stretches compares each lead from its own first sample on, if both have one rate"
        )
    truth, read = {}, {}
    for lead, true_mv, read_mv in zip(LEADS, truth_mv, prediction_mv, strict=True):
        shown = _span(true_mv)
        if shown.start < shown.stop:
            truth[lead] = true_mv[shown]
            read[lead] = _padded(read_mv[_span(read_mv) if stretches else shown], len(truth[lead]))
    if not truth:
        raise DataError(f"{page_id}: found no number in any lead of the truth, expected some to compare with")
    known = np.concatenate([~np.isnan(lead_mv) for lead_mv in truth.values()])
    missing = np.isnan(np.concatenate(list(read.values())))[known].mean()
    prediction = {lead: np.where(np.isnan(lead_mv), 0.0, lead_mv) for lead, lead_mv in read.items()}
    return Pair(page_id, kind, fs_hz or truth_mv.shape[1] / DURATION_S, truth, prediction, float(missing))


def _padded(lead_mv: np.ndarray, samples: int) -> np.ndarray:
    """The first `samples` of a lead (n,), NaN where it has not so many."""
    padded = np.full(samples, np.nan)
    padded[: len(lead_mv)] = lead_mv[:samples]
    return padded


def _span(lead_mv: np.ndarray) -> slice:
    """From the first number of a lead (n,) to its last; nothing where there is none."""
    known = np.flatnonzero(~np.isnan(lead_mv))
    return slice(known[0], known[-1] + 1) if known.size else slice(0, 0)


def page_score(pair: Pair) -> PageScore:
    """How well one page was read."""
    rows = lead_rows(pair)
    snr = image_snr(pair.truth, pair.prediction, pair.fs_hz)
    with np.errstate(divide="ignore"):
        snr_db = float(10 * np.log10(snr))
    return PageScore(pair.id, snr, snr_db, _mean(rows, "mae_mv"), _mean(rows, "correlation"), pair.missing_share)


def _mean(rows: list[dict], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


def page_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """One row a page of an `evaluate` table: id, kind, linear `snr` (not capped), `snr_db`, `mae_mv`, `correlation`."""
    how = {"signal_power": "sum", "noise_power": "sum", "mae_mv": "mean", "correlation": "mean"}
    pages = table.groupby(["id", "kind"], sort=False).agg(how)
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = (pages["signal_power"] / pages["noise_power"]).where(pages["noise_power"] > 0, np.inf)
        pages = pages.assign(snr=snr, snr_db=10 * np.log10(snr))
    return pages.reset_index()[["id", "kind", "snr", "snr_db", "mae_mv", "correlation"]]


def folder_pairs(
    predictions: Path, truth: Path, fs_hz: float | None = None, *, stretches: bool = False
) -> Iterator[Pair]:
    """A pair for every `<page>.csv` of the folder `truth` and those in it; without a prediction a page counts as 0 mV.

    `predictions` has the same folders; where it lies in `truth`, it is no part of it.

    The rate is `fs_hz`, else what a column `time_s` tells, else that of ten seconds; DataError if both files tell
    theirs and they differ. For `stretches` see `pair`.
    """
    paths = sorted(path for path in truth.rglob("*.csv") if predictions == truth or predictions not in path.parents)
    if not paths:
        raise DataError(f"{truth}: found no CSV file, expected the true signals, one file a page")
    if not predictions.is_dir():
        raise DataError(f"{predictions}: no such folder, expected the output of `ecgpipe digitize`")
    for path in paths:
        page = path.relative_to(truth)
        true, prediction = read_leads(path), predictions / page
        read = read_leads(prediction) if prediction.is_file() else LeadTable(np.full_like(true.series_mv, np.nan), None)
        page_id = page.with_suffix("").as_posix()
        rate = _rate(page_id, true, read, fs_hz)
        yield pair(page_id, truth.name, true.series_mv, read.series_mv, rate, stretches=stretches)


def _rate(page_id: str, truth: LeadTable, read: LeadTable, fs_hz: float | None) -> float:
    """The rate in Hz at which a page is compared."""
    told = fs_hz or truth.fs_hz
    if told is None:
        rows = truth.series_mv.shape[1]
        told = read.fs_hz if read.fs_hz and read.series_mv.shape[1] == rows else rows / DURATION_S
    if read.fs_hz and abs(read.fs_hz / told - 1) > SAME_RATE:
        raise DataError(
            f"{page_id}: found a prediction at {read.fs_hz:g} Hz, expected the truth's {told:g} Hz; digitize with "
            f"--fs {told:g}, or say with --fs what rate the truth has"
        )
    return told
