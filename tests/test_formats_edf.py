"""EDF+: header, records and annotations, as pyedflib and the specification have them."""

import numpy as np
import pyedflib
import pytest

from ecgpipe import write_series
from ecgpipe.base.errors import DataError
from ecgpipe.formats.series import Series
from tests.format_readers import kit_series, read_edf


def header(path) -> tuple[str, str, str, str]:
    """Patient, recording, date and kind of file, which every reader takes from the first 256 bytes."""
    text = path.read_bytes()[:256].decode("ascii")
    return text[8:88].rstrip(), text[88:168].rstrip(), text[168:176], text[192:236].rstrip()


def test_nobody_and_no_date_are_in_the_header(tmp_path):
    write_series(tmp_path / "1.edf", kit_series())
    assert header(tmp_path / "1.edf") == ("X X X X", "Startdate X X X ecgpipe", "01.01.85", "EDF+C")


def test_annotations_name_what_is_shown_of_each_lead_and_what_is_known_of_the_page(tmp_path):
    page = kit_series()
    write_series(tmp_path / "1.edf", page)
    with pyedflib.EdfReader(str(tmp_path / "1.edf")) as file:
        found = set(zip(*(column.tolist() for column in file.readAnnotations()), strict=True))
    assert found == {(0, 10, page.remark())} | {
        (start / 500, (stop - start) / 500, f"ECG {lead} is shown") for lead, start, stop in page.stretches()
    }
    assert "3x4+1R(II); speed: 25 mm/s; gain: 10 mm/mV" in page.remark() and "10 µV ‘taken’" in page.remark()


@pytest.mark.parametrize(
    ("fs_hz", "in_record"), [(1, 1), (62.5, 125), (333.3, 3333), (500, 500), (12_800, 2560), (100_000, 2000)]
)
def test_any_rate_of_whole_samples_in_ten_seconds_makes_records_of_fair_size(tmp_path, fs_hz, in_record):
    series = Series(np.random.default_rng(0).normal(size=(12, 301)), fs_hz)
    write_series(tmp_path / "1.edf", series)
    found, rate = read_edf(tmp_path / "1.edf")
    assert rate == pytest.approx(fs_hz)
    np.testing.assert_allclose(found[:, :301], series.series_mv, atol=2.505e-4)
    assert np.isnan(found[:, 301:]).all()
    with pyedflib.EdfReader(str(tmp_path / "1.edf")) as file:
        assert file.samples_in_datarecord(0) == in_record
        assert (file.getPhysicalMinimum(0), file.getPhysicalMaximum(0)) == (-16.384, 16.3835)


def test_a_rate_that_fits_no_record_is_said(tmp_path):
    with pytest.raises(DataError, match=r"found 333\.33 Hz, expected a rate that gives a whole number .* in 10 s"):
        write_series(tmp_path / "1.edf", kit_series(333.33))
