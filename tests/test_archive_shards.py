"""Shards: each file's rows once or not at all, whatever is killed; what counts as done; what is counted."""

import shutil

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed; `pip install -c constraints.txt '.[scale]'`")
import pyarrow as pa
import pyarrow.parquet as pq

from ecgpipe.archive.done import Done
from ecgpipe.archive.report import Progress, Report
from ecgpipe.archive.rows import SCHEMA, lead_rows, refused_rows
from ecgpipe.archive.shards import Shards
from ecgpipe.archive.sources import Source
from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import KIT, LEADS


def source(name: str, version: str = "1") -> Source:
    return Source(name, f"/in/{name}", version)


def page(name: str, version: str = "1", number: int = 1, of: int = 1, warnings: tuple[str, ...] = ()) -> pa.RecordBatch:
    one = source(name, version)
    common = {"id": one.id, "path": one.path, "version": version, "page": number, "pages": of, "status": "read"}
    rows = [common | {"warnings": list(warnings), "lead": lead, "samples_mv": [0.5, None]} for lead in LEADS]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def paths_in(shards: Shards) -> list[str]:
    return [path for shard in shards.paths for path in dict.fromkeys(pq.read_table(shard)["path"].to_pylist())]


def test_a_shard_appears_when_the_journal_has_enough_and_holds_its_pages_rows(tmp_path):
    shards = Shards(tmp_path, 2)
    shards.add([page("a")])
    assert not shards.paths
    shards.add([page("b", number=1, of=2), page("b", number=2, of=2)])
    assert [path.name for path in shards.paths] == ["shard-000000.parquet"]
    table = pq.read_table(shards.paths[0])
    assert table.schema.equals(SCHEMA) and table.num_rows == 36
    assert table["samples_mv"].to_pylist() == [[0.5, None]] * 36
    shards.commit()
    assert len(shards.paths) == 1  # an empty journal makes none


def test_what_is_in_no_shard_yet_outlives_the_process_and_counts_as_done(tmp_path):
    Shards(tmp_path, 10).add([page("a")])
    again = Shards(tmp_path, 10)
    done = Done(again.facts())
    assert [done.state(source(*one)) for one in (("a",), ("a", "2"), ("b",))] == ["done", "changed", "new"]
    again.add([page("b")])
    again.commit()
    assert paths_in(again) == ["a", "b"]


def test_a_kill_between_a_shard_and_the_emptying_of_the_journal_doubles_nothing(tmp_path):
    shards = Shards(tmp_path, 10)
    for name in "abc":
        shards.add([page(name)])
    shutil.copy(tmp_path / ".journal", tmp_path / "kept")
    shards.commit()
    shutil.copy(tmp_path / "kept", tmp_path / ".journal")
    again = Shards(tmp_path, 10)
    again.add([page("d")])
    again.commit()
    assert paths_in(again) == list("abcd") and len(Done(again.facts())) == 4


def test_files_that_have_changed_are_forgotten_and_the_others_kept(tmp_path):
    shards = Shards(tmp_path, 2)
    for name in "abcde":
        shards.add([page(name)])
    untouched = shards.paths[1].stat().st_mtime_ns
    shards.drop({source("a").id, source("e").id})
    assert paths_in(shards) == ["b", "c", "d"] and shards.paths[1].stat().st_mtime_ns == untouched
    assert Done(shards.facts()).state(source("a")) == "new"


def test_a_file_that_is_no_shard_is_named(tmp_path):
    (tmp_path / "shard-000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"shard-000000\.parquet: found no shard.*delete it and run again"):
        list(Shards(tmp_path, 1).facts())


def test_pages_are_counted_by_what_became_of_them_the_same_from_shards_as_one_by_one(tmp_path):
    shards, report = Shards(tmp_path, 3), Report()
    files = [
        [page("a")],
        [page("b", number=1, of=3), page("b", number=2, of=3, warnings=("odd", "pale"))],
        *([refused_rows(source(f"c{px}"), 1, 1, f"found {px} px in JPEG2000, expected more")] for px in (7, 12)),
        [refused_rows(source("d"), 1, None, "crashed")],
    ]
    for batches in files:
        report.add(shards.add(batches))
    assert report.figures() == Report(shards.facts()).figures()
    assert (report.pages, report.read, report.warned, report.refused) == (6, 3, 1, 3)
    assert report.reasons == {"found # px in JPEG2000, expected more": 2, "crashed": 1}
    assert next(report.lines()) == "6 pages: 3 read, 1 of them warned of, 3 refused"


def test_progress_tells_the_end_from_this_runs_own_pace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(1000, 400)
    assert progress.line() == "400 of 1,000 files (40.0%), 0.00 pages/s"
    now[0] = 10.0
    for _ in range(100):
        progress.add(2)
    assert progress.line().startswith("500 of 1,000 files (50.0%), 20.00 pages/s, 0:00:50 left, until ")


# ---- rows of a page that was read


@pytest.fixture(scope="module")
def digitized(tmp_path_factory):
    from ecgpipe import Digitizer
    from ecgpipe.synth.ecg import simulate
    from ecgpipe.synth.page import PageStyle, draw_page

    rng = np.random.default_rng(5)
    return Digitizer().digitize(draw_page(simulate(rng, fs_hz=500), 500, PageStyle.random(rng), KIT))


@pytest.mark.slow
def test_a_row_has_a_leads_own_stretch_at_its_time_and_what_is_known_of_the_page(digitized):
    rows = lead_rows(source("a"), 2, 3, [digitized], 500.0, sigma=True).to_pylist()
    assert [row["lead"] for row in rows] == list(LEADS)
    v1 = rows[LEADS.index("V1")]
    assert v1["start_s"] == 5.0 and (v1["page"], v1["pages"], v1["status"]) == (2, 3, "read")
    assert (v1["layout"], v1["speed_mm_per_s"], v1["gain_mm_per_mv"]) == ("3x4+1R(II)", 25, 10)
    for row, lead_mv, sigma_mv in zip(rows, digitized.series_mv, digitized.sigma_mv, strict=True):
        shown = slice(round(row["start_s"] * 500), round(row["start_s"] * 500) + len(row["samples_mv"]))
        np.testing.assert_allclose(np.array(row["samples_mv"], float), lead_mv[shown], atol=2**-14)
        np.testing.assert_allclose(np.array(row["sigma_mv"], float), sigma_mv[shown], atol=2**-14)
        assert np.isfinite(lead_mv).sum() == np.isfinite(lead_mv[shown]).sum()
        assert row["median_sigma_mv"] == pytest.approx(np.nanmedian(sigma_mv[shown]), rel=1e-5)
    assert lead_rows(source("a"), 1, 1, [digitized], 250.0, sigma=False)["sigma_mv"].null_count == 12
