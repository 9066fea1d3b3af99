"""How far signals are from their truth. Nothing is forgiven: no shift, no offset, no gain."""

import numpy as np
import pandas as pd

from ecgpipe.score.metrics import PERFECT_SCORE


def picture_scores(rows: pd.DataFrame, truth: np.ndarray, reading: np.ndarray) -> pd.DataFrame:
    """`rows` with `snr_db`, `mse_mv2`, `mae_mv` and Pearson's `correlation` of each picture.

    `truth` and `reading` are (N, channels, samples) in mV. The SNR is the power of the truth over that of the error,
    pooled over channels, 60 dB at most; the correlation is the mean of the channels', 0 where one is flat.
    """
    truth, error = truth.astype(np.float64), reading.astype(np.float64) - truth
    power, noise = np.square(truth).sum((1, 2)), np.square(error).sum((1, 2))
    snr = power / np.maximum(noise, power / PERFECT_SCORE)
    return rows.assign(
        snr_db=10 * np.log10(snr),
        mse_mv2=np.square(error).mean((1, 2)),
        mae_mv=np.abs(error).mean((1, 2)),
        correlation=_correlation(truth, truth + error).mean(1),
    )


def summary(scores: pd.DataFrame) -> dict[str, float]:
    """Flat metrics: means over pictures, `snr_db/all` and those of each lead among them."""
    means = scores[["snr_db", "mse_mv2", "mae_mv", "correlation"]].mean()
    leads = scores.groupby("lead", sort=False)["snr_db"].mean()
    metrics = {"pictures": float(len(scores)), "snr_db/all": float(means.pop("snr_db"))}
    metrics |= {f"snr_db/lead_{lead}": float(snr_db) for lead, snr_db in leads.items()}
    return metrics | {str(name): float(value) for name, value in means.items()}


def best_to_worst(scores: pd.DataFrame, number: int) -> np.ndarray:
    """Places of at most `number` pictures, the best and the worst of `snr_db` and some evenly between them."""
    order = np.argsort(-scores["snr_db"].to_numpy(), kind="stable")
    return order[np.linspace(0, len(order) - 1, min(number, len(order))).astype(int)]


def _correlation(truth: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """Correlation coefficients (N, channels)."""
    truth, reading = (series - series.mean(-1, keepdims=True) for series in (truth, reading))
    scale = np.linalg.norm(truth, axis=-1) * np.linalg.norm(reading, axis=-1)
    return (truth * reading).sum(-1) / np.where(scale > 0, scale, np.inf)
