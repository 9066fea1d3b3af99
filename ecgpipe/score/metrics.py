"""The competition's score, exactly, and plain signal metrics beside it.

A lead's prediction may be shifted by up to 0.2 s and moved up or down for free; gain and time scale may not change.
Powers are pooled over the leads of an image, and linear ratios, not decibels, are averaged over images. Samples that
the truth lacks, which the competition's never does, count for nothing.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

CAPS = (384.0, 1e6)  # of an image's linear SNR: at the competition's launch, and since 18 November 2025
PERFECT_SCORE = CAPS[-1]
MAX_SHIFT_S = 0.2

Segments = Mapping[str, np.ndarray]  # lead -> (samples,) mV of the lead's own printed window; NaN: the truth lacks it


class Alignment(NamedTuple):
    """A prediction aligned with its truth: `series` mV, moved by `lag` samples (positive: later) and by `offset_mv`."""

    series: np.ndarray
    lag: int
    offset_mv: float


class Pair(NamedTuple):
    """One image's truth and prediction; `id` and `kind` name its rows in the tables.

    `missing_share` of the truth's samples were not predicted and stand as 0 mV in `prediction`.
    """

    id: str
    kind: str
    fs_hz: float
    truth: Segments
    prediction: Segments
    missing_share: float = 0.0


def lead_alignment(truth: np.ndarray, prediction: np.ndarray, fs_hz: float) -> Alignment:
    """Shift and offset of `prediction` that the competition grants before it compares; both (samples,) mV.

    The lag is the maximum of the cross-correlation of the centred signals within `int(0.2 fs)` samples, ties to the
    smallest; the offset is the mean difference where the two overlap; samples shifted out are 0. Where the truth is
    NaN nothing is correlated and nothing counts for the offset.
    """
    truth, prediction = _checked(truth, prediction)
    known = np.isfinite(truth)
    reach = min(int(MAX_SHIFT_S * fs_hz), len(truth) - 1)
    # Sums of products rather than a transform: equal correlations must come out equal for the rule on ties.
    centred = np.where(known, truth - truth[known].mean(), 0.0)
    correlation = np.correlate(np.pad(centred, reach), prediction - prediction.mean(), mode="valid")
    best = np.flatnonzero(correlation == correlation.max()) - reach
    lag = int(best[np.abs(best).argmin()])
    to, source = slice(max(lag, 0), len(truth) + min(lag, 0)), slice(max(-lag, 0), len(truth) + min(-lag, 0))
    shared = known[to]
    offset = truth[to][shared].mean() - prediction[source][shared].mean() if shared.any() else 0.0
    series = np.zeros_like(truth)
    series[to] = prediction[source] + offset
    return Alignment(series, lag, float(offset))


def image_snr(truth: Segments, prediction: Segments, fs_hz: float) -> float:
    """Linear signal-to-noise ratio of one image, not capped: pooled power of the truth over that of the error."""
    powers = [_powers(*pair, fs_hz) for pair in _matched(truth, prediction).values()]
    signal, noise = np.sum(powers, axis=0)
    return float(_ratio(signal, noise))


def competition_score(linear_snrs: Iterable[float], cap: float = PERFECT_SCORE) -> float:
    """Score in dB of images with these linear SNRs: the decibels of the mean of the capped ratios."""
    snrs = np.asarray(list(linear_snrs), np.float64)
    if not snrs.size or np.isnan(snrs).any():
        raise DataError(f"score: found {np.isnan(snrs).sum()} NaN among {snrs.size} SNRs, expected one number an image")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.minimum(snrs, cap).mean()))


def lead_rows(pair: Pair) -> list[dict[str, float | str]]:
    """What `evaluate` says of each lead of one image."""
    try:
        matched = _matched(pair.truth, pair.prediction)
    except DataError as error:
        raise DataError(f"{' '.join(filter(None, (pair.id, pair.kind)))}: {error}") from None
    return [_lead_row(pair, lead, *both) for lead, both in matched.items()]


def evaluate(records: Iterable[Pair]) -> "pd.DataFrame":
    """One row for each image and lead.

    Columns: id, kind, lead; `signal_power` and `noise_power` (mV², summed) after the competition's alignment, whose
    `lag_s` and `offset_mv` stand beside; `mse_mv2`, `mae_mv` and Pearson `correlation` of the series as they are.
    """
    import pandas as pd

    rows = [row for pair in records for row in lead_rows(pair)]
    if not rows:
        raise DataError("evaluate: found no record, expected at least one")
    return pd.DataFrame(rows)


def summary(table: "pd.DataFrame") -> dict[str, float]:
    """Flat metrics of an `evaluate` table.

    `snr_db/all`, `/kind_*` and `/lead_*` are the competition's score (cap 10⁶; a lead's as if images held only it),
    `snr_db_cap384/all` the score at the launch's cap, `snr_db_median` the middle image's SNR; errors and correlation
    are means over leads.
    """
    images = _snrs(table.groupby(["id", "kind"], sort=False))
    metrics = {
        "images": float(len(images)),
        "snr_db/all": competition_score(images),
        f"snr_db_cap{CAPS[0]:.0f}/all": competition_score(images, CAPS[0]),
        "snr_db_median": competition_score([images.median()]),
    }
    metrics |= {f"snr_db/kind_{kind}": competition_score(snrs) for kind, snrs in images.groupby("kind")}
    leads = _snrs(table.groupby(["id", "kind", "lead"], sort=False))
    metrics |= {f"snr_db/lead_{lead}": competition_score(snrs) for lead, snrs in leads.groupby("lead", sort=False)}
    return metrics | {name: float(table[name].mean()) for name in ("mse_mv2", "mae_mv", "correlation")}


def _checked(truth: np.ndarray, prediction: np.ndarray, where: str = "") -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if truth.ndim != 1 or truth.shape != prediction.shape or not truth.size:
        raise DataError(
            f"{where}found prediction {prediction.shape} for truth {truth.shape}, expected (samples,) of one length"
        )
    for name, series, sound in (
        ("truth", truth, ~np.isinf(truth)),
        ("prediction", prediction, np.isfinite(prediction)),
    ):
        if not sound.all():
            row = int(sound.argmin())
            raise DataError(f"{where}found {series[row]} in the {name} at sample {row}, expected a finite number of mV")
    if np.isnan(truth).all():
        raise DataError(f"{where}found no number in the truth, expected some to compare with")
    return truth, prediction


def _matched(truth: Segments, prediction: Segments) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if not truth or set(truth) != set(prediction):
        raise DataError(f"found leads {sorted(prediction)} in the prediction, expected the truth's {sorted(truth)}")
    return {lead: _checked(truth[lead], prediction[lead], f"lead {lead}: ") for lead in truth}


def _powers(truth: np.ndarray, prediction: np.ndarray, fs_hz: float) -> tuple[float, float]:
    known = np.isfinite(truth)
    noise = (truth - lead_alignment(truth, prediction, fs_hz).series)[known]
    return np.sum(np.square(truth[known])), np.sum(np.square(noise))


def _ratio(signal: Any, noise: Any) -> Any:
    """Signal over noise power, infinite without noise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise == 0, np.inf, np.divide(signal, noise))


def _snrs(groups: Any) -> "pd.Series":
    import pandas as pd

    powers = groups[["signal_power", "noise_power"]].sum()
    return pd.Series(_ratio(powers["signal_power"], powers["noise_power"]), index=powers.index)


def _lead_row(pair: Pair, lead: str, truth: np.ndarray, prediction: np.ndarray) -> dict[str, float | str]:
    aligned, known = lead_alignment(truth, prediction, pair.fs_hz), np.isfinite(truth)
    truth, prediction, series = truth[known], prediction[known], aligned.series[known]
    error = prediction - truth
    return {
        "id": pair.id,
        "kind": pair.kind,
        "lead": lead,
        "signal_power": np.sum(np.square(truth)),
        "noise_power": np.sum(np.square(truth - series)),
        "lag_s": aligned.lag / pair.fs_hz,
        "offset_mv": aligned.offset_mv,
        "mse_mv2": np.mean(np.square(error)),
        "mae_mv": np.mean(np.abs(error)),
        "correlation": _pearson(truth, prediction),
    }


def _pearson(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Correlation coefficient; 0 where either signal is flat."""
    truth, prediction = truth - truth.mean(), prediction - prediction.mean()
    scale = np.linalg.norm(truth) * np.linalg.norm(prediction)
    return float(truth @ prediction / scale) if scale > 0 else 0.0
