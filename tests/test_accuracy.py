"""The tables of docs/accuracy.md, from readings whose errors are known; a run that was stopped goes on."""

import numpy as np
import pytest

from ecgpipe.competition.dataset import write_signal
from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import KIT
from ecgpipe.synth.ecg import simulate
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from examples import accuracy, accuracy_pages, accuracy_report
from examples.accuracy_pages import Job, PageReading

TRUTH = mask_windows(simulate(np.random.default_rng(3), fs_hz=500))


def page(kind: str, index: int, noise_mv: float) -> PageReading:
    """A page read with white noise, by flips with half of it, whose reader says so."""
    rows = row_series(TRUTH, 500, KIT)
    noise = np.random.default_rng(index).normal(0, noise_mv, rows.shape)
    read, flipped = (
        Traces((rows + part * noise).astype(np.float32), np.full(rows.shape, noise_mv, np.float32))
        for part in (1.0, 0.5)
    )
    return PageReading(Job(kind, index), TRUTH, read, flipped, 0.0, 0.0, 0.02, 0.0)


@pytest.fixture(scope="module")
def pages() -> list[PageReading]:
    return [page("0001", 0, 0.005), page("0001", 1, 0.005), page("0003", 0, 0.05), PageReading(Job("0003", 1), TRUTH)]


def cells(table: str) -> dict[str, list[str]]:
    """Cells of each row by its first."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    return {row[0]: row[1:] for row in rows}


def test_a_refused_page_is_counted_and_scores_nothing(pages):
    table = cells(accuracy_report.by_kind(pages))
    assert table["0003"][:2] == ["2", "1"] and table["all"][:2] == ["4", "1"] and table["0001"][:2] == ["2", "0"]
    assert float(table["0003"][-1]) < 0.5  # 0 mV throughout, offset forgiven: 0.4
    assert float(table["0001"][2]) > float(table["0003"][2]) + 20  # ten times the noise; a refused page takes off 3


def test_flips_that_halve_the_noise_are_worth_five_decibels_on_pages_that_were_read(pages):
    table = cells(accuracy_report.ablations({"simulated": pages[:3]}))
    change = float(table["read right to left as well (`--flips horizontal`)"][0].split()[0])
    assert 4.4 < change < 6.0  # 4.9 of 6: held ends of windows are as far off either way
    assert table["changed"] == ["simulated, n = 3"]
    assert float(table["both of these"][0].split()[0]) < -0.5  # laws and the second row of lead II average noise away


def test_calibration_counts_samples_by_what_was_said_of_them(pages):
    table = cells(accuracy_report.calibration(pages))
    assert float(table["0001"][1].rstrip("%")) > 99.5
    assert float(table["0003"][1].rstrip("%")) > 99.5 and table["0003"][0] == "1"
    assert float(table["0003"][5]) > 9 * float(table["0001"][5])  # ten times the noise


def test_every_lead_has_a_column_and_the_readme_a_row_a_set(pages):
    leads = cells(accuracy_report.by_lead({"simulated": pages[:3]}))
    assert len(leads["simulated"]) == 13 and all(float(cell) > 24 for cell in leads["simulated"][1:])  # 25.1 to 38.3
    readme = cells(accuracy_report.readme_table(pages, [page("photo", 7, 0.02)]))
    assert readme["real, photo"][0] == "1" and readme["simulated, all nine kinds"][0] == "4"


def test_real_pages_are_those_with_truth_beside_them(tmp_path):
    for name in ("photo/1.jpg", "photo/2.png", "scan/3.jpg", "4.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        if name != "photo/2.png":
            write_signal(path.with_suffix(".csv"), TRUTH, 500)
    given = [tmp_path / "photo", tmp_path / "scan", tmp_path / "4.png"]
    assert [(job.kind, job.id) for job in accuracy.real_jobs(given)] == [
        ("photo", "1"),
        ("scan", "3"),
        (tmp_path.name, "4"),
    ]


def test_simulated_pages_stand_beside_real_ones_of_their_kind():
    simulated, real = [page("0005", 0, 0.005), page("0003", 0, 0.005)], [page("photo", 1, 0.02)]
    table = cells(accuracy_report.side_by_side(simulated, real))
    assert list(table) == ["simulated and real", "---", "0005 and photo"]
    count, ours, theirs, apart, _, warped, further = table["0005 and photo"]
    assert count == "1 and 1" and float(apart) == pytest.approx(float(ours) - float(theirs), abs=0.11)
    assert float(apart) == pytest.approx(12.0, abs=0.5)  # four times the noise
    assert float(warped) > float(theirs) and abs(float(further) - float(apart)) < 1.5  # white noise is not geometry


def test_what_others_report_stands_beside_what_was_measured():
    from examples.accuracy_report import TEXT, _ours

    ours = _ours([page("kit", 4, 0.005), page("photo", 5, 0.02)])
    assert ours["black"] == ours["hard"] == "-" and float(ours["kit"]) > float(ours["photo"]) + 11
    assert ours["kit"] in TEXT["others"].format(**ours)


def test_pages_that_were_read_are_not_read_again(tmp_path, monkeypatch):
    read = []

    def measure(job, *readers):
        read.append(job)
        rows = page(job.kind, job.index, 0.01).traces
        if job.index == 1:
            return {"truth": TRUTH}
        kept = {"mv": rows.mv, "sigma": rows.sigma_mv, "flipped": rows.mv, "flipped_sigma": rows.sigma_mv}
        return {"truth": TRUTH, "figures": np.array([0.1, 0.2, 0.3, 0.4])} | kept

    monkeypatch.setattr(accuracy_pages, "measure", measure)
    jobs = [Job("0001", 0), Job("0001", 1)]
    first = list(accuracy_pages.read_pages(jobs, tmp_path))
    again = list(accuracy_pages.read_pages([*jobs, Job("0003", 0)], tmp_path))
    assert read == [*jobs, Job("0003", 0)]
    assert first[1].traces is None and (again[0].error_mm, again[0].slipped_share) == (0.1, 0.4)
    np.testing.assert_array_equal(first[0].traces.mv, again[0].traces.mv)


def test_a_real_page_is_known_by_what_it_holds(tmp_path):
    job = Job("photo", 0, tmp_path / "1.jpg")
    job.path.write_bytes(b"a")
    write_signal(tmp_path / "1.csv", TRUTH, 500)
    before = job.made_from()
    assert job.made_from() == before
    write_signal(tmp_path / "1.csv", TRUTH + 1, 500)
    assert job.made_from() != before


def test_real_pictures_that_are_not_there_are_an_error_of_one_line(monkeypatch, capsys, tmp_path):
    arguments = ["--real", "nowhere", "--output", str(tmp_path / "page.md"), "--pages", "0"]
    monkeypatch.setattr("sys.argv", ["accuracy", *arguments])
    with pytest.raises(SystemExit):
        accuracy.main()
    assert "--real: there is no nowhere" in capsys.readouterr().err
