"""`ecgpipe digitize` at other rates and of other lengths, and with a column of times."""

from dataclasses import replace

import numpy as np
import wfdb

from ecgpipe.cli import main
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import resample_leads
from ecgpipe.formats.csv import read_series
from ecgpipe.page.layout import KIT, LEADS

FS_HZ = 500


def test_wfdb_at_another_rate_holds_the_same_series(already_read, tmp_path, page, digitized):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--format", "wfdb", "--fs", "250"]) == 0
    record = wfdb.rdrecord(str(tmp_path / "page"))
    assert (record.fs, record.sig_len, record.sig_name) == (250, 2500, list(LEADS))
    csv = resample_leads(read_series(digitized / "page.csv"), 2500, KIT)
    np.testing.assert_allclose(record.p_signal.T, csv, atol=3.5e-4)  # 3.0e-4: the CSV's and WFDB's rounding


def test_a_column_of_times_comes_before_the_leads_of_each_csv(already_read, tmp_path, page, digitized):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--time", "--sigma"]) == 0
    for name in ("page.csv", "page.sigma.csv"):
        timed, plain = ((folder / name).read_text().splitlines() for folder in (tmp_path, digitized))
        times, rest = zip(*(line.split(",", 1) for line in timed), strict=True)
        assert list(rest) == plain
        assert times[0] == "time_s" and [float(text) for text in times[1:]] == [row / FS_HZ for row in range(5000)]


def test_a_page_of_five_seconds_has_half_as_many_rows(already_read, tmp_path, monkeypatch, page):
    halved = replace(
        KIT, windows=tuple(replace(w, start_s=w.start_s / 2, duration_s=w.duration_s / 2) for w in KIT.windows)
    )

    def read_as_five_seconds(self, found):
        return replace(found, series_mv=found.series_mv[:, ::2], sigma_mv=found.sigma_mv[:, ::2],
                       traces=replace(found.traces, layout=halved))  # fmt: skip

    monkeypatch.setattr(Digitizer, "read", read_as_five_seconds)
    for fs, rows in (("500", 2500), ("100", 500)):
        assert main(["digitize", str(page), "--output", str(tmp_path), "--fs", fs]) == 0
        assert read_series(tmp_path / "page.csv").shape == (12, rows)
    assert main(["digitize", str(page), "--output", str(tmp_path), "--format", "wfdb", "--fs", "250"]) == 0
    assert wfdb.rdheader(str(tmp_path / "page")).sig_len == 1250
