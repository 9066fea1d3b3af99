"""Formats of digitised series: a name, a suffix and one writer each. A format is a module here and its line in FORMATS.

Imports nothing slow: the module of a format, and the library that it needs, are imported when the format is asked for.
"""

import math
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ecgpipe.base.errors import EcgpipeError

if TYPE_CHECKING:
    from ecgpipe.formats.series import Series


@dataclass(frozen=True)
class Format:
    """A format whose files end in `suffix`; the module of its `name` here has `write(path, series)`.

    `needs` is the package that writes it, if the plain installation has none; `rates_hz` are the lowest and the highest
    rate that it allows; `unfit` is a pattern of what the name of a file must not hold.
    """

    name: str
    suffix: str
    needs: str = ""
    rates_hz: tuple[float, float] = (0.0, math.inf)
    unfit: str = ""

    def check(self, fs_hz: float) -> None:
        """EcgpipeError if the package that it needs is not installed, or if the format does not allow `fs_hz`."""
        low, high = self.rates_hz
        if not low <= fs_hz <= high:
            raise EcgpipeError(f"{self.name}: found {fs_hz:g} Hz, expected {low:g} to {high:g} Hz; choose another rate")
        try:
            if self.needs:
                import_module(self.needs)
        except ModuleNotFoundError as error:
            raise EcgpipeError(
                f"{self.name}: found no module {error.name!r} in {sys.executable}; "
                "`pip install -c constraints.txt '.[formats]'` brings it"
            ) from None

    def stem(self, name: str) -> str:
        """`name` as the format allows it for a file, other characters as `_`."""
        return re.sub(self.unfit, "_", name) if self.unfit else name

    def write(self, path: str | Path, series: "Series") -> None:
        """Write `series` as `path`, whole or not at all. EcgpipeError as of `check`, or if `path` is no such name."""
        path = Path(path)
        if path.suffix != self.suffix or self.stem(path.stem) != path.stem:
            raise EcgpipeError(
                f"{path}: not a name that {self.name} allows, expected {self.stem(path.stem)}{self.suffix}"
            )
        self.check(series.fs_hz)
        import_module(f"{__name__}.{self.name}").write(path, series)


FORMATS = {
    kind.name: kind
    for kind in (
        Format("csv", ".csv"),
        Format("wfdb", ".hea", unfit=r"[^A-Za-z0-9_-]"),
        Format("edf", ".edf", needs="edfio"),
        Format("dicom", ".dcm", needs="pydicom", rates_hz=(200.0, 1000.0)),  # PS3.3, A.34.3
        Format("fhir", ".json"),
        Format("aecg", ".xml"),
        Format("parquet", ".parquet", needs="pyarrow"),
    )
}


def write_series(path: str | Path, series: "Series") -> None:
    """Write `series` in the format that the suffix of `path` says. EcgpipeError if it is of none, or see `Format`."""
    for kind in FORMATS.values():
        if kind.suffix == Path(path).suffix:
            return kind.write(path, series)
    suffixes = " ".join(kind.suffix for kind in FORMATS.values())
    raise EcgpipeError(f"{path}: found the suffix {Path(path).suffix!r}, expected one of {suffixes}")
