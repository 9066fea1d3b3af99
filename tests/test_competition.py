"""The competition's windows, tables and files, and what is refused as not having their form."""

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import (
    RATES_HZ,
    Dataset,
    Record,
    read_signal,
    read_submission,
    submission_ids,
    submission_table,
    write_signal,
    write_submission,
)
from ecgpipe.competition.windows import lead_segments, lead_slice, mask_windows, quarter_slice, window_mask
from ecgpipe.page.layout import LEADS

FS = 250
ROWS = 10 * FS


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.5, (12, ROWS))


@pytest.fixture
def record_csv(series, tmp_path):
    path = tmp_path / "7.csv"
    write_signal(path, series, FS)
    return path


# ---- windows


def test_quarters_at_1025_hz_hold_2562_2563_2562_2563_rows():
    lengths = [window.stop - window.start for window in (quarter_slice(quarter, 10250) for quarter in range(4))]
    assert lengths == [2562, 2563, 2562, 2563]


@pytest.mark.parametrize("fs", RATES_HZ)
def test_quarters_follow_each_other_and_fill_the_recording(fs):
    quarters = [quarter_slice(quarter, 10 * fs) for quarter in range(4)]
    assert [quarter.start for quarter in quarters] == [0, *(quarter.stop for quarter in quarters[:3])]
    assert quarters[3].stop == 10 * fs


def test_leads_lie_in_their_quarters_and_lead_ii_is_complete():
    assert lead_slice("II", 1000) == slice(0, 1000)
    assert lead_slice("III", 1000) == slice(0, 250)
    assert lead_slice("aVR", 1000) == slice(250, 500)
    assert lead_slice("V1", 1000) == slice(500, 750)
    assert lead_slice("V6", 1000) == slice(750, 1000)


def test_the_whole_train_set_holds_21618231_values():
    records = dict.fromkeys(RATES_HZ, 163) | {1025: 162}
    assert sum(count * window_mask(10 * fs).sum() for fs, count in records.items()) == 21_618_231


def test_masking_keeps_the_windows_and_only_them(series):
    masked = mask_windows(series)
    for row, lead in enumerate(LEADS):
        window = lead_slice(lead, ROWS)
        np.testing.assert_array_equal(masked[row, window], series[row, window])
        assert np.isfinite(masked[row]).sum() == window.stop - window.start


# ---- a record's signals


@pytest.mark.parametrize("fs", [250, 1025])
def test_a_written_signal_reads_back_to_five_decimals(tmp_path, fs):
    series = np.random.default_rng(fs).normal(0, 1, (12, 10 * fs))
    write_signal(tmp_path / "7.csv", series, fs)
    np.testing.assert_allclose(read_signal(tmp_path / "7.csv", 10 * fs), mask_windows(series), atol=0.5001e-5)


def test_a_record_csv_has_the_competitions_header_and_nan_outside_the_windows(record_csv):
    lines = record_csv.read_text().splitlines()
    assert lines[0] == "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    assert len(lines) == 1 + ROWS
    assert lines[1].split(",")[3:] == ["NaN"] * 9
    assert [field == "NaN" for field in lines[ROWS].split(",")] == [
        lead not in ("II", "V4", "V5", "V6") for lead in LEADS
    ]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(record_csv, series):
    before = record_csv.read_bytes()
    series[1, 3] = np.nan
    with pytest.raises(DataError, match=r"lead II, row 3 .*found nan"):
        write_signal(record_csv, series, FS)
    assert record_csv.read_bytes() == before
    assert list(record_csv.parent.iterdir()) == [record_csv]


def test_a_series_of_another_length_than_ten_seconds_is_not_written(tmp_path, series):
    with pytest.raises(DataError, match=r"found a series of shape \(12, 2500\), expected \(12, 5000\) at 500 Hz"):
        write_signal(tmp_path / "7.csv", series, 500)


def set_field(line: int, lead: str, text: str):
    def edit(lines: list[str]) -> None:
        fields = lines[line].split(",")
        fields[LEADS.index(lead)] = text
        lines[line] = ",".join(fields)

    return edit


def replace_in_header(old: str, new: str):
    return lambda lines: lines.__setitem__(0, lines[0].replace(old, new))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replace_in_header(",V1", ""), "lead V1 is missing, expected the columns I,II,III,aVR"),
        (replace_in_header("V1", "v1"), "lead V1 is missing, expected the columns I,II,III,aVR"),
        (replace_in_header("V6", "V6,X"), "found the column 'X', expected only I,II,III,aVR"),
        (set_field(10, "I", "abc"), "lead I, row 9 (line 11): found 'abc', expected a number in mV"),
        (set_field(10, "I", "True"), "lead I, row 9 (line 11): found 'True', expected a number in mV"),
        (set_field(10, "I", "NaN"), "lead I, row 9 (line 11): found nan, expected a number inside the window"),
        (set_field(10, "I", ""), "lead I, row 9 (line 11): found nan, expected a number inside"),
        (set_field(ROWS, "II", "inf"), "lead II, row 2499 (line 2501): found inf, expected a number inside"),
        (set_field(10, "aVF", "0.5"), "lead aVF, row 9 (line 11): found 0.5, expected NaN outside the window"),
        (lambda lines: lines.pop(), "every lead has 2499 rows, the last is row 2498 (line 2500); expected 2500"),
        (lambda lines: lines.append(lines[-1]), "every lead has 2501 rows, the last is row 2500 (line 2502)"),
        (lambda lines: lines.__delitem__(slice(1, None)), "every lead has 0 rows, there is none; expected 2500"),
        (lambda lines: lines.clear(), "not a CSV table"),
        (lambda lines: lines.__setitem__(10, lines[10] + ",1"), "row 9 (line 11): found 13 fields, expected 12"),
        (lambda lines: lines.__setitem__(1, "1,2"), "row 0 (line 2): found 2 fields, expected 12"),
    ],
)  # fmt: skip
def test_a_bad_record_csv_is_named_by_file_lead_and_row(record_csv, edit, message):
    lines = record_csv.read_text().splitlines()
    edit(lines)
    record_csv.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(DataError) as error:
        read_signal(record_csv, ROWS)
    assert str(error.value).startswith(f"{record_csv}: {message}")
    assert "\n" not in str(error.value)


def test_a_lead_missing_with_its_column_is_named(record_csv):
    pd.read_csv(record_csv).drop(columns="V1").to_csv(record_csv, index=False, na_rep="NaN")
    with pytest.raises(DataError, match="lead V1 is missing"):
        read_signal(record_csv, ROWS)


def test_a_picture_in_a_record_csvs_place_is_no_table(tmp_path):
    (tmp_path / "7.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(DataError, match="not a CSV table"):
        read_signal(tmp_path / "7.csv")


def test_a_missing_record_csv_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_signal(tmp_path / "7.csv")


# ---- tables


def test_tables_survive_and_have_the_competitions_form(tmp_path):
    dataset = Dataset(tmp_path)
    records = (Record("007", 1025, 10250), Record("8_a", 250, 2500))
    dataset.write_train_table(records)
    dataset.write_test_table(records)
    assert dataset.train_records() == records
    assert dataset.train_table_path.read_text() == "id,fs,sig_len\n007,1025,10250\n8_a,250,2500\n"
    lines = dataset.test_table_path.read_text().splitlines()
    assert lines[:5] == [
        "id,lead,fs,number_of_rows", "007,I,1025,2562", "007,II,1025,10250", "007,III,1025,2562", "007,aVR,1025,2563",
    ]  # fmt: skip
    assert dataset.test_ids() == ("007", "8_a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,fs\n7,250\n", "found the columns id,fs, expected id,fs,sig_len"),
        ("id,fs,sig_len\n7,fast,2500\n", "row 0 (line 2), fs: found 'fast', expected a whole number above 0"),
        ("id,fs,sig_len\n7,250,2500\n8,500,2500\n", "row 1 (line 3), sig_len: found '2500', expected 10 times fs"),
        ("id,fs,sig_len\n7,250,2500\n7,250,2500\n", "row 1 (line 3), id: found '7', expected each record once"),
        ("id,fs,sig_len\n../7,250,2500\n", "row 0 (line 2), id: found '../7', expected letters, digits, - or _"),
    ],
)
def test_a_bad_train_table_is_named_by_file_and_row(tmp_path, text, message):
    dataset = Dataset(tmp_path)
    dataset.train_table_path.write_text(text)
    with pytest.raises(DataError) as error:
        dataset.train_records()
    assert str(error.value) == f"{dataset.train_table_path}: {message}"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,aVX,250,625", "row 1 (line 3), lead: found 'aVX', expected one of I, II, III"),
        ("7,I,250,625", "row 1 (line 3), lead: found 'I', expected each lead of a record once"),
        ("7,II,250,0", "row 1 (line 3), number_of_rows: found '0', expected a whole number above 0"),
    ],
)
def test_a_bad_test_table_is_named_by_file_and_row(tmp_path, row, message):
    dataset = Dataset(tmp_path)
    dataset.test_table_path.write_text(f"id,lead,fs,number_of_rows\n7,I,250,625\n{row}\n")
    with pytest.raises(DataError) as error:
        dataset.test_table()
    assert str(error.value).startswith(f"{dataset.test_table_path}: {message}")


# ---- submissions


@pytest.fixture
def test_rows() -> pd.DataFrame:
    return pd.DataFrame({"id": ["7", "7"], "lead": ["I", "II"], "fs": [250, 250], "number_of_rows": [2, 3]})


def test_a_submission_has_a_row_for_every_sample_of_every_lead(test_rows):
    table = submission_table(test_rows, {"7": {"I": np.array([0.5, 1]), "II": np.array([2, 3, 4])}})
    assert table["id"].tolist() == ["7_0_I", "7_1_I", "7_0_II", "7_1_II", "7_2_II"] == submission_ids(test_rows)
    assert table["value"].tolist() == [0.5, 1, 2, 3, 4]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_submission_reads_back_from_csv_and_parquet(tmp_path, test_rows, suffix):
    table = submission_table(test_rows, {"7": {"I": np.array([0.5, 1]), "II": np.array([2, 3, 4])}})
    write_submission(tmp_path / f"submission.{suffix}", table)
    pd.testing.assert_frame_equal(read_submission(tmp_path / f"submission.{suffix}"), table)


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ({}, "record 7, lead I: found no segment, expected 2 samples"),
        ({"I": np.zeros(3)}, r"record 7, lead I: found a segment of shape \(3,\), expected 2 samples"),
        ({"I": np.array([0, np.nan])}, "record 7, lead I, sample 1: found nan, expected a finite number"),
    ],
)
def test_a_segment_that_does_not_fit_is_named_by_record_and_lead(test_rows, segments, message):
    with pytest.raises(DataError, match=message):
        submission_table(test_rows, {"7": segments})


def test_segments_of_a_series_are_what_test_csv_asks_for(tmp_path):
    dataset = Dataset(tmp_path)
    dataset.write_test_table([Record("7", 1025, 10250)])
    segments = lead_segments(np.random.default_rng(0).normal(size=(12, 10250)))
    assert len(submission_table(dataset.test_table(), {"7": segments})) == window_mask(10250).sum()


def test_a_file_that_is_no_submission_is_an_error(tmp_path):
    (tmp_path / "submission.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match="not a submission"):
        read_submission(tmp_path / "submission.parquet")
