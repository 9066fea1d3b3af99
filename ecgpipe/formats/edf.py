"""EDF+ (Kemp & Olivan 2003), continuous, without a patient and without a date.

EDF has no sample that says "none": the lowest of its 16 bits is that here, which reads as -16.384 mV, and annotations
name the stretches that the page shows of each lead.
"""

from math import nextafter
from pathlib import Path

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.formats.series import NO_SAMPLE, STEP_LIMIT, STEPS_PER_MV, Series
from ecgpipe.page.layout import LEADS

RECORDS_S = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 2.0, 5.0, 10.0)  # durations that a data record may have
RECORD_BYTES = 61440  # that one should not pass
LOWEST_MV = NO_SAMPLE / STEPS_PER_MV
HIGHEST_MV = nextafter(STEP_LIMIT / STEPS_PER_MV, 0)  # as edfio rounds up, and binary 16.3835 is a trifle too large


def write(path: Path, series: Series) -> None:
    """Write 12 signals "ECG I" and so on in mV; the last data record is filled up with "none".

    DataError for a rate that gives no whole number of samples in any of RECORDS_S.
    """
    from edfio import Edf, EdfAnnotation, EdfSignal, Recording

    record_s = _record_s(series.fs_hz)
    missing = -series.samples % round(series.fs_hz * record_s)
    steps = np.pad(series.steps(), ((0, 0), (0, missing)), constant_values=NO_SAMPLE)
    signals = [
        EdfSignal.from_digital(
            row,
            series.fs_hz,
            label=f"ECG {lead}",
            physical_dimension="mV",
            physical_range=(LOWEST_MV, HIGHEST_MV),
            digital_range=(NO_SAMPLE, STEP_LIMIT),
        )
        for lead, row in zip(LEADS, steps, strict=True)
    ]
    shown = [
        EdfAnnotation(start / series.fs_hz, (stop - start) / series.fs_hz, f"ECG {lead} is shown")
        for lead, start, stop in series.stretches()
    ]
    of_all = EdfAnnotation(0, series.duration_s, series.remark())
    edf = Edf(
        signals,
        recording=Recording(equipment_code="ecgpipe"),
        data_record_duration=record_s,
        annotations=[of_all, *shown],
    )
    with atomic_path(path) as temporary:
        edf.write(temporary)


def _record_s(fs_hz: float) -> float:
    """The first of RECORDS_S that holds a whole number of samples in as many bytes as it should, else the shortest."""
    whole = [seconds for seconds in RECORDS_S if abs(fs_hz * seconds - round(fs_hz * seconds)) < 1e-9 * fs_hz]
    if not whole:
        raise DataError(f"edf: found {fs_hz} Hz, expected a rate that gives a whole number of samples in 10 s")
    fitting = [seconds for seconds in whole if fs_hz * seconds * len(LEADS) * 2 <= RECORD_BYTES]
    return fitting[0] if fitting else min(whole)
