"""WFDB by hand: what the wfdb package would write."""

import wfdb

from ecgpipe.formats.series import STEPS_PER_MV
from ecgpipe.formats.wfdb import write_wfdb
from ecgpipe.page.layout import LEADS
from tests.format_readers import random_series


def test_a_record_is_byte_for_byte_that_of_the_wfdb_package(tmp_path):
    series = random_series(0, 5000).series_mv
    write_wfdb(tmp_path / "ours", "page", series, 500)
    (tmp_path / "theirs").mkdir()
    wfdb.wrsamp(
        "page",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(LEADS),
        p_signal=series.T,
        fmt=["16"] * 12,
        adc_gain=[STEPS_PER_MV] * 12,
        baseline=[0] * 12,
        write_dir=str(tmp_path / "theirs"),
    )
    for name in ("page.dat", "page.hea"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
    assert len(list((tmp_path / "ours").iterdir())) == 2
