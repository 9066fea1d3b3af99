"""The files that leave: written by `ecgpipe.formats`, named by a page's neutral name, edited ones marked in it."""

import io
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.digitize.deidentify import deidentified
from ecgpipe.digitize.digitizer import Digitized
from ecgpipe.digitize.overlay import draw_overlay
from ecgpipe.formats import FORMATS
from ecgpipe.formats.csv import write_csv
from ecgpipe.formats.series import Series
from ecgpipe.web.edits import applied, lines
from ecgpipe.web.store import Page

LEAST_HZ, MOST_HZ = 50.0, 2000.0
EXTRAS = {"sigma": "Standard errors", "overlay": "Overlay", "reading": "Findings"}
EVERYTHING = "all"


@dataclass(frozen=True)
class Download:
    """The content of a file and its name."""

    name: str
    content: bytes


def available() -> dict[str, str]:
    """Every format by name, and why it cannot be written here, or nothing."""
    refusals = {}
    for name, kind in FORMATS.items():
        try:
            kind.check(500.0)
            refusals[name] = ""
        except EcgpipeError as error:
            refusals[name] = str(error)
    return refusals


def download(page: Page, what: str, fs_hz: float) -> Download:
    """`what` is a format, one of EXTRAS, or EVERYTHING, which leaves out the formats that cannot be written here.

    One file as it is, several as a zip without dates. EcgpipeError for what is none of these, and as the formats say.
    """
    if page.digitized is None:
        raise EcgpipeError("the page was not read; there is nothing to download")
    if not LEAST_HZ <= fs_hz <= MOST_HZ:
        raise EcgpipeError(f"found {fs_hz:g} Hz, expected {LEAST_HZ:g} to {MOST_HZ:g}")
    if what not in (*FORMATS, *EXTRAS, EVERYTHING):
        raise EcgpipeError(f"found the format {what[:40]!r}, expected {', '.join((*FORMATS, *EXTRAS, EVERYTHING))}")
    stem = f"{page.name}-edited" if page.edits else page.name
    digitized = applied(page.digitized, page.edits)
    folder = Path(tempfile.mkdtemp(dir=page.path.parent))
    try:
        for name in [what] if what != EVERYTHING else _all(fs_hz):
            _write(folder, stem, name, fs_hz, digitized, page)
        files = sorted(folder.iterdir())
        if len(files) == 1:
            return Download(files[0].name, files[0].read_bytes())
        return Download(f"{stem}{'' if what == EVERYTHING else f'-{what}'}.zip", _zipped(files))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _all(fs_hz: float) -> list[str]:
    refused = available()
    rates = {name: kind.rates_hz for name, kind in FORMATS.items()}
    return [*(name for name in FORMATS if not refused[name] and rates[name][0] <= fs_hz <= rates[name][1]), *EXTRAS]


def _write(folder: Path, stem: str, what: str, fs_hz: float, digitized: Digitized, page: Page) -> None:
    series = digitized.at(fs_hz, sigma=True)
    if what == "sigma":
        assert series.sigma_mv is not None
        write_csv(folder / f"{stem}.sigma.csv", series.sigma_mv)
    elif what == "overlay":
        _write_overlay(folder / f"{stem}.overlay.jpg", digitized, page)
    elif what == "reading":
        text = json.dumps(_found(series, digitized, page), indent=1)
        (folder / f"{stem}.reading.json").write_text(text + "\n", encoding="utf-8")
    else:
        FORMATS[what].write(folder / f"{stem}{FORMATS[what].suffix}", series)


def _write_overlay(path: Path, digitized: Digitized, page: Page) -> None:
    """Draws on the picture as it is shown, which the worker wrote, so that nothing of others is decoded here, and keeps
    of it the ink about the traces only: whose ECG it is does not leave."""
    shown = cv2.imread(str(page.shown))
    if shown is None or page.size is None:
        raise EcgpipeError("the picture is gone; send it again")
    scale = shown.shape[1] / page.size[0]
    page_map = digitized.page_map.compose(lambda points: (points + 0.5) * scale - 0.5)
    layout = digitized.traces.layout
    picture = deidentified(shown[..., ::-1], page_map, digitized.series_mv, digitized.sigma_mv, layout)
    drawn = draw_overlay(picture, page_map, digitized.series_mv, layout)
    cv2.imwrite(str(path), drawn[..., ::-1])


def _found(series: Series, digitized: Digitized, page: Page) -> dict[str, Any]:
    """What is known of the reading, in words and figures."""
    given = {name: getattr(page.hints, name) for name in ("layout", "speed_mm_per_s", "gain_mm_per_mv", "leads")}
    return {
        **series.facts(),
        "rate": f"{series.fs_hz:g} Hz",
        "quality": str(digitized.quality),
        "said beforehand": {name: value for name, value in given.items() if value is not None},
        "edited by hand": [] if page.digitized is None else lines(page.digitized, page.edits),
    }


def _zipped(files: list[Path]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
