"""Parquet: types, units and facts in the schema."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq

from ecgpipe import write_series
from ecgpipe.page.layout import LEADS
from tests.format_readers import kit_series


def test_a_column_a_lead_with_its_unit_and_the_facts_of_the_page_in_the_schema(tmp_path):
    page = kit_series()
    write_series(tmp_path / "1.parquet", page)
    table = pq.read_table(tmp_path / "1.parquet")
    assert table.schema.names == list(LEADS) and {str(kind) for kind in table.schema.types} == {"float"}
    assert {field.metadata[b"unit"] for field in table.schema} == {b"mV"}
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert about == {"fs_hz": "500", "unit": "mV", **page.facts()}
    assert [column.null_count for column in table.columns] == np.isnan(page.series_mv).sum(1).tolist()
    for row, column in zip(page.series_mv, table.columns, strict=True):  # bit by bit as it was read
        np.testing.assert_array_equal(column.to_numpy(), row)


def test_times_come_first_and_standard_errors_last_where_they_are_asked_for(tmp_path):
    page = kit_series()
    write_series(tmp_path / "1.parquet", replace(page, sigma_mv=page.series_mv**2, with_time=True))
    table = pq.read_table(tmp_path / "1.parquet")
    assert table.schema.names == ["time_s", *LEADS, *(f"{lead}_sigma" for lead in LEADS)]
    np.testing.assert_array_equal(table["time_s"].to_numpy(), np.arange(5000) / 500)
    np.testing.assert_array_equal(table["V1_sigma"].to_numpy(), page.series_mv[6] ** 2)
