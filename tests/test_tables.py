"""Tables are read strictly: what was written comes back, and what is wrong is named with its file, row and column."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import DataError
from ecgpipe.base.tables import read_strict_csv, read_table, write_table

COLUMNS = {"id": str, "rows": int}
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(1, 999_999_999)), min_size=1, max_size=5))
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    written = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(path, written)
    assert read_table(path, COLUMNS).to_dict("records") == written.to_dict("records")


@pytest.mark.parametrize("text", ["NA", "null", "nan", ""])
def test_a_text_that_looks_like_a_gap_is_a_text(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(f"id,rows\n{text},1\n")
    assert read_table(path, COLUMNS)["id"].tolist() == [text]


def test_numbers_are_written_with_the_decimals_asked_for_and_gaps_as_asked_for(tmp_path):
    table = pd.DataFrame({"x": [1 / 3, float("nan")]})
    write_table(tmp_path / "a.csv", table, decimals=2, na_rep="-")
    assert (tmp_path / "a.csv").read_bytes() == b"x\n0.33\n-\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file, expected a CSV table"),
        (b"", "not a CSV table"),
        (b"\xff\xfe\x00", "not a CSV table"),
        (b"id,rows\n1,2,3\n", "found a row with more fields than the header names"),
        (b"id,row\n1,2\n", "found the columns id,row, expected id,rows"),
        (b"id,rows\n", "found no row below the header"),
        *((f"id,rows\n1,2\n1,{bad}\n".encode(), f"row 1 (line 3), rows: found '{bad}', expected a whole number above 0")
          for bad in ("0", "-1", "1.0", "x", "", "1234567890", "٣")),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_one_line_that_names_file_row_and_column(tmp_path, content, words):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(path, COLUMNS)
    assert str(error.value).startswith(f"{path}: ") and words in str(error.value) and "\n" not in str(error.value)


def test_options_say_what_else_is_a_gap(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x\n-\n2\n")
    assert read_strict_csv(path, na_values=["-"])["x"].isna().tolist() == [True, False]
