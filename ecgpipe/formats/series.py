"""What a writer is given: twelve leads, and of the page what a format has room for. Never a patient's data."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS, Timing

# The 16 bits that WFDB, EDF, DICOM and aECG share: 0.5 µV steps, ±16 mV.
STEPS_PER_MV = 2000
STEP_LIMIT, NO_SAMPLE = 2**15 - 1, -(2**15)
_OURS = UUID("8c7ff1be-0d0e-5b5c-9c5e-0a2d6f3b7e41")  # the name space of our identifiers, any one


@dataclass(frozen=True)
class PageFacts:
    """The printed page that a series comes from: its layout's name, scales, and what is known of its columns."""

    layout: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    timing: Timing


@dataclass(frozen=True, eq=False)
class Series:
    """`series_mv` (12, n) in mV at `fs_hz`, leads in the order of LEADS, NaN where the page does not show one.

    `sigma_mv` (12, n) are the samples' standard errors, None if they are not to be written; `page` is what is known of
    the print, `warnings` say in words what is doubtful. `with_time` asks for a column of times where a format is a
    table. DataError for another shape, a rate that is none and a value that is infinite.
    """

    series_mv: np.ndarray
    fs_hz: float
    sigma_mv: np.ndarray | None = None
    page: PageFacts | None = None
    warnings: tuple[str, ...] = ()
    with_time: bool = False

    def __post_init__(self) -> None:
        shape = self.series_mv.shape
        if len(shape) != 2 or shape[0] != len(LEADS) or not shape[1]:
            raise DataError(f"found a series of shape {shape}, expected ({len(LEADS)}, n)")
        if self.sigma_mv is not None and self.sigma_mv.shape != shape:
            raise DataError(f"found standard errors of shape {self.sigma_mv.shape}, expected {shape} as of the series")
        if not 0 < self.fs_hz < np.inf:
            raise DataError(f"found a rate of {self.fs_hz} Hz, expected a number above 0")
        if np.isinf(self.series_mv).any():
            raise DataError("found an infinite sample, expected millivolts, or NaN where there is none")

    @property
    def samples(self) -> int:
        """How many samples each lead has, those included that the page does not show."""
        return self.series_mv.shape[1]

    @property
    def duration_s(self) -> float:
        return self.samples / self.fs_hz

    def steps(self) -> np.ndarray:
        """(12, n) int16 in steps of 1 / STEPS_PER_MV mV, held at ±STEP_LIMIT; NO_SAMPLE for NaN."""
        steps = np.rint(np.asarray(self.series_mv, np.float64) * STEPS_PER_MV)
        return np.nan_to_num(np.clip(steps, -STEP_LIMIT, STEP_LIMIT), nan=NO_SAMPLE).astype(np.int16)

    def stretches(self) -> Iterator[tuple[str, int, int]]:
        """Every lead's name with the first sample, and the one after the last, of each stretch that the page shows."""
        for lead, row in zip(LEADS, self.series_mv, strict=True):
            known = np.concatenate([[False], ~np.isnan(row), [False]])
            for start, stop in np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2).tolist():
                yield lead, start, stop

    def facts(self) -> dict[str, str]:
        """What is known of the page and what is doubtful, in words, by name."""
        facts = {}
        if self.page is not None:
            facts = {
                "layout": self.page.layout,
                "speed": f"{self.page.speed_mm_per_s:g} mm/s",
                "gain": f"{self.page.gain_mm_per_mv:g} mm/mV",
                "columns": self.page.timing,
            }
        if self.warnings:
            facts["warnings"] = "; ".join(self.warnings)
        return facts

    def remark(self) -> str:
        """What was done, and the facts, in one line."""
        what = "digitised by ecgpipe from a picture of a printed ECG"
        return "; ".join([what, *(f"{name}: {value}" for name, value in self.facts().items())])

    def identifier(self, purpose: str) -> UUID:
        """An identifier that is the same for the same samples, rate and facts, and another for each `purpose`."""
        content = hashlib.sha256(self.steps().tobytes())
        content.update(repr((self.fs_hz, self.facts(), purpose)).encode())
        return uuid5(_OURS, content.hexdigest())
