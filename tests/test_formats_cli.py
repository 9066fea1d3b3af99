"""`ecgpipe digitize --format`: several formats of one reading, and what cannot be written is said before it is read."""

import contextlib
import io
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.cli import main
from ecgpipe.formats import FORMATS
from ecgpipe.formats.csv import read_series
from ecgpipe.page.layout import KIT
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from tests.format_readers import READERS, STEP_MV

OTHERS = [name for name in FORMATS if name != "csv"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A clean page, of a name that WFDB does not allow."""
    path = tmp_path_factory.mktemp("page") / "ward 7.png"
    rng = np.random.default_rng(3)
    cv2.imwrite(str(path), draw_page(simulate(rng, fs_hz=500), 500, PageStyle(), KIT)[..., ::-1])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, page):
    """What one reading at 250 Hz leaves in all formats, and what it prints."""
    out, said = tmp_path_factory.mktemp("all"), io.StringIO()
    with contextlib.redirect_stdout(said):
        arguments = ["--format", "csv,edf", "--format", ",".join(OTHERS), "--fs", "250", "--time", "--sigma"]
        assert main(["digitize", str(page), "--output", str(out), *arguments]) == 0
    return out, said.getvalue()


def test_one_reading_is_written_in_every_format_and_printed_with_all_names(run, page):
    out, said = run
    suffixes = [".csv", ".edf", *(FORMATS[name].suffix for name in OTHERS if name != "edf")]
    names = ", ".join(str(out / f"ward_7{suffix}") for suffix in suffixes)
    assert said.startswith(f"{page} -> {names} (3x4+1R(II), 25 mm/s, 10 mm/mV; map good to") and said.count("\n") == 1
    assert {path.name for path in out.iterdir()} == {
        *(f"ward_7{suffix}" for suffix in suffixes),
        *("ward_7.dat", "ward_7.sigma.csv"),
    }


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "parquet"])
def test_every_format_holds_the_series_of_the_csv(run, name):
    csv = read_series(run[0] / "ward_7.csv")
    found, fs_hz = READERS[name](run[0] / f"ward_7{FORMATS[name].suffix}")
    assert fs_hz == 250 and csv.shape == (12, 2500)
    np.testing.assert_allclose(found, csv, rtol=0, atol=0.501 * (STEP_MV[name] + STEP_MV["csv"]))


def test_a_parquet_table_has_times_and_standard_errors_as_the_csvs_have(run):
    table = pd.read_parquet(run[0] / "ward_7.parquet").to_numpy()
    for name, columns in (("ward_7.csv", slice(13)), ("ward_7.sigma.csv", [0, *range(13, 25)])):
        csv = pd.read_csv(run[0] / name).to_numpy()
        np.testing.assert_allclose(csv, table[:, columns], rtol=0, atol=5.1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "csv,dicom", "--fs", "100"], "dicom: found 100 Hz, expected 200 to 1000 Hz; choose another rate"),
        (["--format", "edf"], "edf: found no module 'edfio' in"),
    ],
)
def test_what_cannot_be_written_is_one_line_before_anything_is_read(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.setitem(sys.modules, "edfio", None)
    assert main(["digitize", "nowhere.png", "--output", str(tmp_path / "out"), *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("names", ["mp3", "csv,", "csv,EDF"])
def test_a_format_that_there_is_none_of_is_a_usage_error_that_lists_those_that_are(capsys, names):
    with pytest.raises(SystemExit) as stop:
        main(["digitize", "x.png", "--output", "out", "--format", names])
    assert stop.value.code == 2 and f"expected {', '.join(FORMATS)}" in capsys.readouterr().err


def test_two_pictures_that_one_of_the_formats_would_give_one_name_are_refused(tmp_path, capsys):
    images = [tmp_path / "ward 7.png", tmp_path / "ward_7.png"]
    for image in images:
        image.write_bytes(b"")
    assert main(["digitize", *map(str, images), "--output", str(tmp_path / "out"), "--format", "csv,wfdb"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and all("several pictures would be written as ward_7" in line for line in errors)
