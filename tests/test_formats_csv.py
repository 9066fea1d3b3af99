"""CSV of series, and what reads it."""

import numpy as np
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.formats.csv import SERIES_DECIMALS, read_series, write_csv
from ecgpipe.page.layout import LEADS
from tests.format_readers import random_series


def test_a_csv_keeps_every_series_to_a_tenth_of_a_microvolt(tmp_path):
    series = random_series(0, 60).series_mv
    write_csv(tmp_path / "1.csv", series)
    np.testing.assert_allclose(read_series(tmp_path / "1.csv"), series, rtol=0, atol=0.501 * 10.0**-SERIES_DECIMALS)


def test_a_row_that_is_short_or_no_number_is_named(tmp_path):
    path = tmp_path / "1.csv"
    for row in ("1,2,3", ",".join(["x"] * 12)):
        path.write_text(",".join(LEADS) + "\n" + row + "\n")
        with pytest.raises(DataError, match=r"1\.csv: .*row 0 .*: found"):
            read_series(path)
