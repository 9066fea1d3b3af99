"""The simple table is read strictly: each bad row is a line that names it, and nothing is made of it."""

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS
from ecgpipe.paired.table import MIN_SAMPLES, read_rows, read_signal


@pytest.fixture
def change(smoke_set):
    """Changes one cell of the smoke set's table."""

    def write(row: int, column: str, value: str) -> None:
        table = pd.read_csv(smoke_set / "table.csv", dtype=str)
        table.loc[row, column] = value
        table.to_csv(smoke_set / "table.csv", index=False)

    return write


def test_the_smoke_set_is_three_pictures_of_leads_i_and_ii(smoke_set):
    rows = read_rows(smoke_set, "table.csv")
    assert rows["ecg_id"].tolist() == ["0000", "0001", "0002"] and rows["lead"].tolist() == ["I", "II", "I"]
    assert all(read_signal(smoke_set / name).shape == (2, 100) for name in rows["signal"])


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (1, "lead", "X9", f"row 1 (line 3), lead: found 'X9', expected one of {', '.join(LEADS)}"),
        (1, "lead", "ii", "row 1 (line 3), lead: found 'ii', expected one of I, II"),
        (2, "ecg_id", "0000", "row 2 (line 4), lead: found 'I', expected each lead of an ECG once"),
        (0, "ecg_id", "", "row 0 (line 2), ecg_id: found '', expected the name of an ECG"),
        (2, "image", "0000.png", "row 2 (line 4), image: found '0000.png', expected each picture once"),
        (0, "image", "gone.png", "row 0 (line 2), image: found 'gone.png', expected a file that is there, in "),
        (0, "signal", "gone.npy", "row 0 (line 2), signal: found 'gone.npy', expected a file that is there, in "),
        (0, "signal", "../0000.npy", "row 0 (line 2), signal: found '../0000.npy', expected a file in "),
        (0, "image", "/0000.png", "row 0 (line 2), image: found '/0000.png', expected a file in "),
        (0, "image", "", "row 0 (line 2), image: found '', expected a file in "),
    ],
)
def test_a_bad_row_is_one_line_that_names_it(smoke_set, change, row, column, value, message):
    change(row, column, value)
    with pytest.raises(DataError) as error:
        read_rows(smoke_set, "table.csv")
    assert str(error.value).startswith(f"{smoke_set / 'table.csv'}: {message}") and "\n" not in str(error.value)


def test_every_bad_row_is_told_at_once(smoke_set, change):
    change(0, "lead", "X")
    change(2, "image", "gone.png")
    with pytest.raises(DataError) as error:
        read_rows(smoke_set, "table.csv")
    assert len(str(error.value).splitlines()) == 2


def test_an_ecg_may_have_a_picture_of_each_lead(smoke_set, change):
    change(1, "ecg_id", "0000")
    assert read_rows(smoke_set, "table.csv")["ecg_id"].tolist() == ["0000", "0000", "0002"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ecg_id,image,lead\n1,a.png,I\n", "found the columns ecg_id,image,lead, expected ecg_id,image,signal,lead"),
        ("ecg_id,image,signal,lead\n", "found no row below the header, expected at least one"),
        ("", "not a CSV table: "),
    ],
)
def test_a_file_that_is_not_the_table_is_one_line(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DataError) as error:
        read_rows(tmp_path, "table.csv")
    assert str(error.value).startswith(f"{tmp_path / 'table.csv'}: {message}")


def test_a_table_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match="no such file, expected a CSV table"):
        read_rows(tmp_path, "table.csv")


def flawed(value: float) -> np.ndarray:
    signal = np.ones((2, 100))
    signal[1, 7] = value
    return signal


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (np.ones(100), "found the shape (100,), expected a .npy file of (channels, samples)"),
        (np.ones((1, 2, 100)), "found the shape (1, 2, 100), expected"),
        (np.ones((0, 100)), "found the shape (0, 100), expected"),
        (np.ones((2, MIN_SAMPLES - 1)), "found the shape (2, 31), expected"),
        (np.ones((2, 100), np.int16), "found int16 values, expected"),
        (np.ones((2, 100), complex), "found complex128 values, expected"),
        (np.full((2, 100), "1"), "found <U1 values, expected"),
        (flawed(np.nan), "found nan at channel 1, sample 7, expected"),
        (flawed(-np.inf), "found -inf at channel 1, sample 7, expected"),
        (flawed(1e300), "found 1e+300 at channel 1, sample 7, expected"),
        (np.zeros((2, 100)), "found nothing but 0 mV, expected a signal"),
        (np.array([[{}]]), "not an array of numpy's that can be read: "),
    ],
)
def test_a_bad_signal_is_one_line_with_its_file(tmp_path, signal, message):
    path = tmp_path / "signal.npy"
    np.save(path, signal, allow_pickle=True)
    with pytest.raises(DataError) as error:
        read_signal(path)
    assert str(error.value).startswith(f"{path}: {message}") and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not numpy's", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_one_line(tmp_path, content):
    path = tmp_path / "signal.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not an array of numpy's that can be read"):
        read_signal(path)


def test_a_file_of_several_arrays_is_one_line(tmp_path):
    np.savez(tmp_path / "signal.npz", np.ones((2, 100)))
    with pytest.raises(DataError, match="found several arrays, expected a"):
        read_signal(tmp_path / "signal.npz")
