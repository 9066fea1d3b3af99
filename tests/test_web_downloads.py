"""Files are named neutrally, whole, and marked when they were edited by hand."""

import io
import json
import zipfile

import cv2
import numpy as np
import pytest

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.formats import FORMATS
from ecgpipe.formats.csv import read_series
from ecgpipe.recognize.hints import Hints
from ecgpipe.web.downloads import EXTRAS, available, download
from ecgpipe.web.edits import blanked
from ecgpipe.web.reader import Job
from ecgpipe.web.store import Page
from tests.web_server import SIZE, quick, reading

READ = reading()


@pytest.fixture
def page(tmp_path) -> Page:
    path = tmp_path / "1"
    path.write_bytes(b"good")
    page = Page("id", "ecg-1", path, "id", size=SIZE, digitized=READ, state="read", hints=Hints(speed_mm_per_s=25.0))
    quick(Job(path, 1, page.hints, page.shown), lambda *what: None)
    return page


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_downloaded(page, name, tmp_path):
    if why := available()[name]:
        pytest.skip(why)
    made = download(page, name, 500)
    expected = "ecg-1-wfdb.zip" if name == "wfdb" else f"ecg-1{FORMATS[name].suffix}"
    assert made.name == expected and len(made.content) > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "1-1.jpg"]  # nothing else stays


def test_everything_is_a_zip_without_dates_that_is_marked_when_edited(page, tmp_path):
    page.edits.append(blanked(READ, 0, 1.0, 1.5))
    made = download(page, "all", 250)
    assert made.name == "ecg-1-edited.zip" and made == download(page, "all", 250)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        names = archive.namelist()
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        found = json.loads(archive.read("ecg-1-edited.reading.json"))
        archive.extract("ecg-1-edited.csv", tmp_path)
        assert archive.read("ecg-1-edited.overlay.jpg")[:2] == b"\xff\xd8"
    written = {f"ecg-1-edited{kind.suffix}" for name, kind in FORMATS.items() if not available()[name]}
    assert written | {"ecg-1-edited.dat", "ecg-1-edited.sigma.csv"} <= set(names)
    assert found["edited by hand"] == ["lead I blanked from 1.000 to 1.500 s"]
    assert found["said beforehand"] == {"speed_mm_per_s": 25.0} and found["rate"] == "250 Hz"
    assert read_series(tmp_path / "ecg-1-edited.csv").shape == (12, 2500)


def test_the_overlay_shows_nothing_that_tells_whose_it_is(page):
    shown = cv2.imread(str(page.shown))
    shown[10:60, 10:200] = (0, 0, 0)  # a name
    cv2.imwrite(str(page.shown), shown)
    made = download(page, "overlay", 500)
    drawn = cv2.imdecode(np.frombuffer(made.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == shown.shape and np.median(drawn[10:60, 10:200]) > 200


def test_formats_that_have_no_such_rate_are_left_out_of_everything_and_refused_alone(page):
    with zipfile.ZipFile(io.BytesIO(download(page, "all", 100).content)) as archive:
        assert "ecg-1.dcm" not in archive.namelist() and "ecg-1.csv" in archive.namelist()
    with pytest.raises(EcgpipeError, match="dicom: found 100 Hz"):
        download(page, "dicom", 100)


@pytest.mark.parametrize(
    ("what", "fs_hz"), [("exe", 500), ("../csv", 500), ("csv", 5), ("csv", np.inf), ("csv", np.nan)]
)
def test_what_is_no_format_or_rate_is_refused(page, what, fs_hz):
    with pytest.raises(EcgpipeError, match="expected"):
        download(page, what, fs_hz)


def test_extras_have_names_to_show():
    assert set(EXTRAS) == {"sigma", "overlay", "reading"} and not set(EXTRAS) & set(FORMATS)
