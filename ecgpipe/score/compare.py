"""Digitised series against the truth: from whole series or folders of CSVs to the pairs that `metrics` compares."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.competition.signals import read_signal
from ecgpipe.competition.windows import DURATION_S, lead_segments
from ecgpipe.digitize.export import read_series
from ecgpipe.score.metrics import Pair, Segments, image_snr, lead_rows

if TYPE_CHECKING:
    import pandas as pd


class PageScore(NamedTuple):
    """One page: linear `snr` (not capped) and in dB, and the means over leads of error and correlation."""

    id: str
    snr: float
    snr_db: float
    mae_mv: float
    correlation: float


def segments(series_mv: np.ndarray) -> Segments:
    """The printed window of each lead of `series_mv` (12, n); 0 mV where nothing was read, as a submission needs it."""
    return lead_segments(np.nan_to_num(series_mv))


def pair(page_id: str, kind: str, truth_mv: np.ndarray, prediction_mv: np.ndarray) -> Pair:
    """Truth and prediction of one page, each (12, 10·fs)."""
    if truth_mv.shape != prediction_mv.shape:
        raise DataError(f"{page_id}: found {prediction_mv.shape} (leads, rows), expected the truth's {truth_mv.shape}")
    fs_hz = truth_mv.shape[1] / DURATION_S
    return Pair(page_id, kind, fs_hz, segments(truth_mv), segments(prediction_mv))


def page_score(pair: Pair) -> PageScore:
    """How well one page was read."""
    rows = lead_rows(pair)
    snr = image_snr(pair.truth, pair.prediction, pair.fs_hz)
    with np.errstate(divide="ignore"):
        snr_db = float(10 * np.log10(snr))
    return PageScore(pair.id, snr, snr_db, _mean(rows, "mae_mv"), _mean(rows, "correlation"))


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


def folder_pairs(predictions: Path, truth: Path) -> Iterator[Pair]:
    """A pair for every `<page>.csv` of the folder `truth`; a page without a prediction counts as 0 mV throughout."""
    paths = sorted(truth.glob("*.csv"))
    if not paths:
        raise DataError(f"{truth}: found no CSV file, expected the true signals, one file a page")
    if not predictions.is_dir():
        raise DataError(f"{predictions}: no such folder, expected the output of `ecgpipe digitize`")
    for path in paths:
        signal = read_signal(path)
        prediction = predictions / path.name
        yield pair(
            path.stem, truth.name, signal, read_series(prediction) if prediction.is_file() else np.zeros_like(signal)
        )
