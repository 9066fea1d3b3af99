"""What becomes of a page: a row for each lead that it shows, or one row that says why it was not read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ecgpipe.archive.sources import Source
from ecgpipe.page.layout import LEADS

if TYPE_CHECKING:
    from ecgpipe.digitize.digitizer import Digitized

READ, REFUSED = "read", "refused"
CRASHED = "crashed"  # the reason of a page that ended two processes, one of them its own
MV_STEP = 2.0**-13  # 0.12 µV, to which samples are rounded; the bits below are noise and would fill shards

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("version", pa.string()),
        ("page", pa.int16()),  # its number in the file, from 1 on
        ("pages", pa.int16()),  # how many the file has
        ("ecg", pa.int8()),  # its number on the page, from 1 at the top on; null where none was read
        ("status", pa.string()),
        ("reason", pa.string()),
        ("warnings", pa.list_(pa.string())),
        ("layout", pa.string()),
        ("lead_order", pa.string()),
        ("columns", pa.string()),
        ("speed_mm_per_s", pa.float32()),
        ("gain_mm_per_mv", pa.float32()),
        ("expected_error_mm", pa.float32()),
        ("hidden_share", pa.float32()),
        ("cut_off_share", pa.float32()),
        ("slipped_share", pa.float32()),
        ("misfit_mm", pa.float32()),
        ("bend", pa.float32()),
        ("certainty", pa.float32()),
        ("turns", pa.int8()),
        ("lead", pa.string()),
        ("median_sigma_mv", pa.float32()),  # this and what follows are the lead's own
        ("unsure_share", pa.float32()),
        ("start_s", pa.float64()),
        ("fs_hz", pa.float64()),
        ("samples_mv", pa.list_(pa.float32())),
        ("sigma_mv", pa.list_(pa.float32())),
    ]
)


def lead_rows(
    source: Source, page: int, pages: int, ecgs: "Sequence[Digitized]", fs_hz: float, *, sigma: bool
) -> pa.RecordBatch:
    """A row of SCHEMA for each lead that a page's `ecgs` show, one ECG after another, in the order of LEADS.

    `samples_mv` go from the first known sample of the lead to the last, null where one between is not known; `start_s`
    is the first one's time in the recording. With `sigma` the standard errors stand beside them.
    """
    common = _common(source, page, pages)
    rows = [common | row for ecg, one in enumerate(ecgs, 1) for row in _rows_of(ecg, one, fs_hz, sigma=sigma)]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def _rows_of(ecg: int, digitized: "Digitized", fs_hz: float, *, sigma: bool) -> list[dict[str, object]]:
    layout = digitized.traces.layout
    common = {
        "ecg": ecg,
        **digitized.figures(),
        "status": READ,
        "warnings": list(digitized.warnings),
        "median_sigma_mv": None,  # here these two are a lead's own
        "unsure_share": None,
        "fs_hz": fs_hz,
    }
    series = digitized.at(fs_hz, sigma=True)
    assert series.sigma_mv is not None
    leads = {
        lead: _lead(lead_mv, sigma_mv, fs_hz, sigma=sigma)
        for lead, lead_mv, sigma_mv in zip(LEADS, series.series_mv, series.sigma_mv, strict=True)
        if lead in layout.lead_windows
    }
    return [common | {"lead": lead} | own for lead, own in leads.items()]


def refused_rows(source: Source, page: int, pages: int | None, reason: str) -> pa.RecordBatch:
    """The one row of a page that was not read; `pages` is None where nobody knows how many the file has."""
    row = _common(source, page, pages) | {"status": REFUSED, "reason": reason, "warnings": []}
    return pa.RecordBatch.from_pylist([row], SCHEMA)


def _common(source: Source, page: int, pages: int | None) -> dict[str, object]:
    return {"id": source.id, "path": source.path, "version": source.version, "page": page, "pages": pages}


def _lead(lead_mv: np.ndarray, sigma_mv: np.ndarray, fs_hz: float, *, sigma: bool) -> dict[str, object]:
    """What is a lead's own: of (n,) samples in mV and their standard errors, NaN where it is not shown."""
    from ecgpipe.digitize.digitizer import sigma_figures  # the writing process does without

    known = np.flatnonzero(np.isfinite(lead_mv))
    if not known.size:  # printed, but not to be read
        return {}
    shown = slice(known[0], known[-1] + 1)
    return {
        "start_s": known[0] / fs_hz,
        "samples_mv": _listed(lead_mv[shown]),
        "sigma_mv": _listed(sigma_mv[shown]) if sigma else None,
        **sigma_figures(sigma_mv[shown]),
    }


def _listed(values_mv: np.ndarray) -> list[float | None]:
    return pa.array(np.rint(values_mv / MV_STEP) * MV_STEP, from_pandas=True).to_pylist()  # NaN becomes null
