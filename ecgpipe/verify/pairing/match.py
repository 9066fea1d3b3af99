"""Truth against reading, segment by segment: correlation, shift in time, gain and offset by cross-correlation.

A segment is a window of 2.5 s: one of each lead, and the three others of the rhythm lead.
"""

from dataclasses import dataclass

import numpy as np

from ecgpipe.competition.windows import QUARTER_S, RHYTHM_LEAD, quarter_of, quarter_slice
from ecgpipe.page.layout import LEADS
from ecgpipe.verify.pairing.reading import RATE_HZ

REACH_S = 0.5  # of the shifts that are tried, either way; with longer ones the next beat would fit; not swept
SEGMENT_SAMPLES = round(QUARTER_S * RATE_HZ)  # samples of a segment
SEGMENTS = (
    *((lead, quarter_of(lead)) for lead in LEADS),
    *((RHYTHM_LEAD, quarter) for quarter in (1, 2, 3)),
)  # (lead, quarter); the first twelve are the leads in their order
LEAD_OF = np.array([LEADS.index(lead) for lead, _ in SEGMENTS])

_REACH = round(REACH_S * RATE_HZ)
_LEAST_SHARED = 0.5  # of a segment, for its correlation to count; not swept
_FLAT_MV2 = 1e-6  # variance below which a segment has nothing to compare, (1 µV)²


def segments_of(series_mv: np.ndarray) -> np.ndarray:
    """(15, SEGMENT_SAMPLES) windows of `series_mv` (12, 10·RATE_HZ)."""
    return np.stack(
        [series_mv[LEADS.index(lead), quarter_slice(quarter, series_mv.shape[1])] for lead, quarter in SEGMENTS]
    ).astype(np.float64)


@dataclass(frozen=True)
class Comparison:
    """Truth against reading for each shift from -REACH_S to REACH_S of the truth, arrays (..., shifts).

    Means and variances are over the samples that both have, in mV and mV². `usable` is where a segment has enough of
    them and neither side is flat.
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
        """Variance of truth minus reading in mV², so without their levels; infinite where they cannot be compared."""
        return np.where(self.usable, self.var_truth + self.var_reading - 2 * self.covariance, np.inf)

    def at(self, shift: np.ndarray) -> "Fit":
        """The fit of each segment (...) at its index of `shift`.

        Both sides have errors, the reading by being wrong and the truth by detail too fine for the picture. So the two
        regression slopes bound the gain (Frisch 1934), and the value between them nearest to 1 is taken.
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
    """truth(t) = gain · reading(t - shift_s) + offset_mv, for each segment."""

    correlation: np.ndarray
    shift_s: np.ndarray
    gain: np.ndarray
    offset_mv: np.ndarray


def compare(truth_mv: np.ndarray, reading_mv: np.ndarray) -> Comparison:
    """Compare segments (..., n) in mV that broadcast against each other; NaN is unknown."""
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
    """The index of the one shift at which the segments (n, shifts) fit best together."""
    return int(np.argmax(correlation.mean(axis=0)))


def agreement(truth: np.ndarray, reading: np.ndarray) -> float:
    """Median correlation of segments (n, SEGMENT_SAMPLES) at their common shift: about 1 for a page and its truth."""
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
    """The mean of the known values along the last axis, which is kept; NaN if none is known."""
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nansum(values, axis=-1, keepdims=True) / count
