"""Apache Parquet: a column for each lead, null where the page does not show it."""

from pathlib import Path

from ecgpipe.base.files import atomic_path
from ecgpipe.competition.signals import TIME
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS


def write(path: Path, series: Series) -> None:
    """Write columns I..V6 in mV as they were read, in 32 bits, and I_sigma..V6_sigma if there are standard errors.

    The schema's metadata has `fs_hz`, `unit` and the facts of the page, each column's its unit.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = {"": series.series_mv} if series.sigma_mv is None else {"": series.series_mv, "_sigma": series.sigma_mv}
    fields, columns = [], []
    if series.with_time:
        fields.append(pa.field(TIME, pa.float64(), metadata={"unit": "s"}))
        columns.append(pa.array([row / series.fs_hz for row in range(series.samples)]))
    for suffix, table in tables.items():
        for lead, row in zip(LEADS, table, strict=True):
            fields.append(pa.field(lead + suffix, pa.float32(), metadata={"unit": "mV"}))
            columns.append(pa.array(row, pa.float32(), from_pandas=True))  # NaN becomes null
    about = {"fs_hz": f"{series.fs_hz:.10g}", "unit": "mV", **series.facts()}
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, pa.schema(fields, metadata=about)), temporary)
