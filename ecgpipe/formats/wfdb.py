"""WFDB records of 16 bits. By hand, as the wfdb package brings 190 MB of others.

Format 16 of its signal files is little-endian words, sample by sample.
"""

from pathlib import Path

import numpy as np

from ecgpipe.base.files import atomic_path
from ecgpipe.formats.series import STEPS_PER_MV, Series
from ecgpipe.page.layout import LEADS


def write(path: Path, series: Series) -> None:
    """Write the header `path` and its signal file of suffix .dat beside it; NaN as WFDB's "no sample"."""
    name, words = path.stem, series.steps().astype("<i2")
    lines = [f"{name} {len(LEADS)} {series.fs_hz:.10g} {words.shape[1]}"]
    for lead, row in zip(LEADS, words, strict=True):
        checksum = int(row.sum(dtype=np.int64)) % 2**16
        lines.append(f"{name}.dat 16 {STEPS_PER_MV}(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    with atomic_path(path.with_suffix(".dat")) as temporary:
        temporary.write_bytes(words.T.tobytes())
    with atomic_path(path) as temporary:  # last: a record is there when its header is
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def write_wfdb(folder: str | Path, name: str, series_mv: np.ndarray, fs_hz: float) -> None:
    """Write `series_mv` (12, n) as the WFDB record `folder`/`name`.hea and .dat, 16 bits; NaN as "no sample"."""
    write(Path(folder, f"{name}.hea"), Series(series_mv, fs_hz))
