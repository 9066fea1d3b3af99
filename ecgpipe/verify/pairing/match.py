"""Truth against reading, stretch by stretch: correlation, shift in time, gain and offset by cross-correlation.

A stretch is a window of 2.5 s: one of each lead, and the three others of the rhythm lead.
"""

from dataclasses import dataclass

import numpy as np

from ecgpipe.competition.windows import QUARTER_S, RHYTHM_LEAD, quarter_of, quarter_slice
from ecgpipe.page.layout import LEADS
from ecgpipe.verify.pairing.reading import RATE_HZ

REACH_S = 0.5  # of the shifts that are tried; further on, another beat would fit
LENGTH = round(QUARTER_S * RATE_HZ)  # samples of a stretch
STRETCHES = (
    *((lead, quarter_of(lead)) for lead in LEADS),
    *((RHYTHM_LEAD, quarter) for quarter in (1, 2, 3)),
)  # (lead, quarter); the first twelve are the leads in their order
LEAD_OF = np.array([LEADS.index(lead) for lead, _ in STRETCHES])

_REACH = round(REACH_S * RATE_HZ)
_LEAST_SHARED = 0.5  # of a stretch, for its correlation to count
_FLAT_MV2 = 1e-6  # variance below which a stretch has nothing to compare


def stretches(series_mv: np.ndarray) -> np.ndarray:
    """(15, LENGTH) windows of `series_mv` (12, 10·RATE_HZ)."""
    return np.stack(
        [series_mv[LEADS.index(lead), quarter_slice(quarter, series_mv.shape[1])] for lead, quarter in STRETCHES]
    ).astype(np.float64)


@dataclass(frozen=True)
class Comparison:
    """Truth against reading for each shift from -REACH_S to REACH_S of the truth, arrays (..., shifts).

    Mean and variance of either over what both hold, and their covariance, in mV and mV².
    """

    mean_truth: np.ndarray
    mean_reading: np.ndarray
    var_truth: np.ndarray
    var_reading: np.ndarray
    covariance: np.ndarray
    usable: np.ndarray

    @property
    def correlation(self) -> np.ndarray:
        """0 where too little is shared, or one of the two is flat."""
        power = np.sqrt(np.where(self.usable, self.var_truth * self.var_reading, 1.0))
        return np.where(self.usable, self.covariance / power, 0.0)

    @property
    def difference(self) -> np.ndarray:
        """Variance of truth minus reading in mV², whatever their levels; infinite where nothing can be said."""
        return np.where(self.usable, self.var_truth + self.var_reading - 2 * self.covariance, np.inf)

    def at(self, shift: np.ndarray) -> "Fit":
        """The fit at one index of shift for each stretch (...).

        Detail that a picture is too coarse for and errors of the reading bound the gain from either side (Frisch 1934);
        of what lies between, the value nearest to 1 is taken.
        """

        def pick(values: np.ndarray) -> np.ndarray:
            return np.take_along_axis(values, shift[..., None], axis=-1)[..., 0]

        with np.errstate(divide="ignore", invalid="ignore"):
            covariance = pick(self.covariance)
            gain = np.clip(1.0, covariance / pick(self.var_reading), pick(self.var_truth) / covariance)
        offset = pick(self.mean_truth) - gain * pick(self.mean_reading)
        return Fit(pick(self.correlation), (shift - _REACH) / RATE_HZ, gain, offset)


@dataclass(frozen=True)
class Fit:
    """truth(t) = gain · reading(t - shift_s) + offset_mv, for each stretch; the reading bears the noise."""

    correlation: np.ndarray
    shift_s: np.ndarray
    gain: np.ndarray
    offset_mv: np.ndarray


def compare(truth_mv: np.ndarray, reading_mv: np.ndarray) -> Comparison:
    """Compare stretches (..., n) in mV that broadcast against each other; NaN is unknown."""
    n = np.shape(truth_mv)[-1]
    size = n + _REACH
    level = [np.nan_to_num(_mean(np.asarray(x, np.float64))) for x in (truth_mv, reading_mv)]
    known = [np.isfinite(x).astype(np.float64) for x in (truth_mv, reading_mv)]
    truth, reading = (np.nan_to_num(x - mean) for x, mean in zip((truth_mv, reading_mv), level, strict=True))
    spectra = {
        name: np.fft.rfft(values, size)
        for name, values in {
            "t": truth, "tt": truth**2, "kt": known[0], "r": reading, "rr": reading**2, "kr": known[1],
        }.items()
    }  # fmt: skip

    def cross(a: str, b: str) -> np.ndarray:
        """Σ a[i] b[i - shift] for each shift."""
        product = np.fft.irfft(spectra[a] * spectra[b].conj(), size)
        return np.concatenate([product[..., -_REACH:], product[..., : _REACH + 1]], axis=-1)

    count = cross("kt", "kr")
    enough = count >= _LEAST_SHARED * n
    count = np.where(enough, count, 1.0)
    mean_t, mean_r = cross("t", "kr") / count, cross("kt", "r") / count
    var_t, var_r = cross("tt", "kr") / count - mean_t**2, cross("kt", "rr") / count - mean_r**2
    usable = enough & (var_t > _FLAT_MV2) & (var_r > _FLAT_MV2)
    covariance = cross("t", "r") / count - mean_t * mean_r
    return Comparison(mean_t + level[0], mean_r + level[1], var_t, var_r, covariance, usable)


def common_shift(correlation: np.ndarray) -> int:
    """The index of the one shift at which the stretches (n, shifts) fit best together."""
    return int(np.argmax(correlation.mean(axis=0)))


def agreement(truth: np.ndarray, reading: np.ndarray) -> float:
    """Median correlation of stretches (n, LENGTH) at their common shift: about 1 for a page and its truth."""
    correlation = compare(truth, reading).correlation
    return float(np.median(correlation[:, common_shift(correlation)]))


def limb_residual(series_mv: np.ndarray) -> float:
    """How far a reading (12, n) breaks I + III = II and aVR + aVL + aVF = 0: 0 not at all, 1 and more for nonsense.

    Every ECG keeps these laws, so that a reading can be judged without its truth.
    """
    residual = energy = 0.0
    leads = dict(zip(LEADS, series_mv.astype(np.float64), strict=True))
    first, second = (quarter_slice(quarter_of(lead), series_mv.shape[1]) for lead in ("I", "aVR"))
    for parts in (
        (leads["I"][first], leads["III"][first], -leads["II"][first]),
        (leads["aVR"][second], leads["aVL"][second], leads["aVF"][second]),
    ):
        centred = [part - _mean(part) for part in parts]
        total = sum(centred)
        shared = np.isfinite(total)
        residual += float((total[shared] ** 2).sum())
        energy += float(sum((part[shared] ** 2).sum() for part in centred))
    return residual / energy if energy > 0 else np.inf


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean along the last axis of what is known, kept as an axis; NaN if nothing is."""
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nansum(values, axis=-1, keepdims=True) / count
