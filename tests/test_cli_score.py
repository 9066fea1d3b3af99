"""`ecgpipe score`: whole and part truths, leads on time axes of their own, and what cannot be compared."""

from pathlib import Path

import numpy as np
import pytest

from ecgpipe.cli import main
from ecgpipe.competition.signals import write_signal
from ecgpipe.competition.windows import mask_windows
from ecgpipe.formats.csv import write_csv
from ecgpipe.page.layout import LEADS

FS_HZ = 500
ROWS = 10 * FS_HZ


def beats(rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """Series (12, rows) in mV, each lead with whole periods in every 2.5 s, so that a free offset is worth nothing."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(rows) / FS_HZ
    return np.stack([np.sin(2 * np.pi * (4 * t_s + rng.uniform())) for _ in LEADS])


def columns_at(series_mv: np.ndarray, starts: tuple[int, ...], rows: int, each: int = 1250) -> np.ndarray:
    """A page (12, rows) whose column k of three leads shows `each` samples of `series_mv`, from row `starts[k]` on."""
    page = np.full((len(LEADS), rows), np.nan)
    for lead in range(len(LEADS)):
        start = starts[lead // 3]
        page[lead, start : start + each] = series_mv[lead, 1250 * (lead // 3) :][:each]
    return page


@pytest.fixture
def score(tmp_path, capsys):
    """Scores a reading (12, n) against a truth (12, n) from files; the arguments and `read_hz` are of the command."""

    def run(read_mv: np.ndarray, truth_mv: np.ndarray, *arguments: str, **rates: float) -> tuple[float, str]:
        write_csv(tmp_path / "read" / "a.csv", read_mv, rates.get("read_hz"))
        write_csv(tmp_path / "truth" / "a.csv", truth_mv, rates.get("truth_hz"))
        status = main(["score", str(tmp_path / "read"), str(tmp_path / "truth"), *arguments])
        out, err = capsys.readouterr()
        return (float(out.rsplit(":", 1)[1].split()[0]), out) if status == 0 else (np.nan, err)

    return run


def with_gaps(series_mv: np.ndarray) -> np.ndarray:
    """`series_mv` with a fifth of the samples empty, some of them at the ends of windows."""
    series_mv = series_mv.copy()
    series_mv[:, 4900:] = np.nan
    series_mv[np.random.default_rng(1).random(series_mv.shape) < 0.2] = np.nan
    return series_mv


TRUTHS = {
    "windows": mask_windows(beats()),
    "complete": beats(),
    "with empty cells": with_gaps(mask_windows(beats())),
    "six leads": np.where(np.arange(12)[:, None] < 6, beats(), np.nan),
}
each_truth = pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
each_way = pytest.mark.parametrize("arguments", [(), ("--stretches",)], ids=["in place", "stretches"])


@each_truth
@each_way
def test_the_truth_itself_is_perfect(score, truth, arguments):
    assert score(truth, truth, *arguments)[0] == 60


@each_truth
@each_way
@pytest.mark.parametrize(("gain", "expected"), [(0.9, 20.0), (0.5, 6.02)])
def test_a_gain_error_costs_its_ratio_whatever_the_truth_shows(score, truth, arguments, gain, expected):
    assert score(truth * gain, truth, *arguments)[0] == pytest.approx(expected, abs=0.05)


def test_no_page_counts_more_than_the_cap(score):
    truth = TRUTHS["complete"]
    assert score(0.9 * truth, truth, "--cap", "10")[0] == 10
    assert score(0.999 * truth, truth, "--cap", "1e6")[0] == pytest.approx(60, abs=0.05)


def test_folders_are_compared_in_depth(tmp_path, capsys):
    for place in ("a.csv", "ward/a.csv"):
        write_csv(tmp_path / "truth" / place, beats())
    write_csv(tmp_path / "truth" / "out" / "ward" / "a.csv", beats())
    assert main(["score", str(tmp_path / "truth" / "out"), str(tmp_path / "truth")]) == 0
    pages = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()[2:-1]}
    assert set(pages) == {"a", "ward/a"} and float(pages["a"]) == 0 and float(pages["ward/a"]) > 50


def test_a_page_without_prediction_counts_as_zero_millivolt(tmp_path, capsys):
    (tmp_path / "read").mkdir()
    write_csv(tmp_path / "truth" / "a.csv", beats())
    assert main(["score", str(tmp_path / "read"), str(tmp_path / "truth")]) == 0
    assert capsys.readouterr().out.rsplit(":", 1)[1].split()[0] == "0.00"


@each_truth
def test_a_reading_that_is_late_by_less_than_a_fifth_of_a_second_loses_only_what_is_shifted_out(score, truth):
    late = np.roll(beats(), 30, axis=1)
    shares = [30 / np.ptp(np.flatnonzero(np.isfinite(lead))) for lead in truth if np.isfinite(lead).any()]
    bound = -10 * np.log10(max(shares))
    assert bound - 0.5 < score(late, truth)[0] < 60


def test_leads_that_the_truth_lacks_do_not_count_and_those_that_the_reading_lacks_are_zero(score):
    truth, read = TRUTHS["six leads"], beats()
    read[6:] = 7.0
    assert score(read, truth)[0] == 60
    read[0] = np.nan
    found, out = score(read, truth)
    assert found == pytest.approx(10 * np.log10(6), abs=0.01) and "16.7%" in out


@pytest.mark.parametrize("starts", [(0, 0, 0, 0), (0, 1250, 2500, 3750), (100, 1400, 2700, 3650)])
def test_with_stretches_it_does_not_matter_where_a_column_begins(score, starts):
    truth = columns_at(beats(), (0, 1250, 2500, 3750), ROWS)
    read = columns_at(0.9 * beats(), starts, ROWS)
    assert score(read, truth, "--stretches")[0] == pytest.approx(20, abs=0.01)


def test_with_stretches_pages_of_other_lengths_are_compared(score):
    truth = columns_at(beats(), (0, 1250, 2500, 3750), ROWS)
    simultaneous = columns_at(0.9 * beats(), (0, 0, 0, 0), 1250)
    found, out = score(simultaneous, truth)
    assert np.isnan(found) and "found (12, 1250)" in out and "--stretches" in out and out.count("\n") == 1
    assert score(simultaneous, truth, "--stretches")[0] == pytest.approx(20, abs=0.01)


def test_with_stretches_what_is_too_long_is_left_out_and_what_is_too_short_counts_as_zero(score):
    truth = columns_at(beats(), (0, 1250, 2500, 3750), ROWS)
    longer = columns_at(beats(ROWS + 10), (0, 1250, 2500, 3750), ROWS + 10, each=1260)
    assert score(longer, truth, "--stretches")[0] == 60
    half, out = score(columns_at(beats(), (0, 1250, 2500, 3750), ROWS, each=625), truth, "--stretches")
    assert half == pytest.approx(10 * np.log10(2), abs=0.02) and "50.0%" in out


def test_the_competitions_windows_score_as_the_metric_does_by_itself(score):
    from ecgpipe.competition.windows import lead_segments
    from ecgpipe.score.metrics import competition_score, image_snr

    rng = np.random.default_rng(3)
    truth = mask_windows(np.round(beats() + 0.3 * rng.normal(size=(12, ROWS)), 4))
    read = np.round(np.roll(truth, 7, axis=1) + 0.1 * rng.normal(size=(12, ROWS)), 4)
    snr = image_snr(lead_segments(truth), lead_segments(np.nan_to_num(read)), FS_HZ)
    assert score(read, truth)[0] == pytest.approx(competition_score([snr]), abs=0.005)


@pytest.mark.parametrize("rates", [{"read_hz": 500}, {"truth_hz": 500}, {"read_hz": 500, "truth_hz": 500}])
def test_a_column_of_times_changes_nothing(score, rates):
    truth = TRUTHS["windows"]
    assert score(0.9 * truth, truth, **rates)[0] == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize(("truth_hz", "arguments"), [(500.0, ()), (None, ("--fs", "500"))])
def test_rates_that_differ_are_said(score, truth_hz, arguments):
    rates = {"read_hz": 250.0} | ({"truth_hz": truth_hz} if truth_hz else {})
    _, error = score(beats()[:, ::2], beats(), "--stretches", *arguments, **rates)
    assert "found a prediction at 250 Hz, expected the truth's 500 Hz" in error and error.count("\n") == 1


def test_the_rate_says_how_far_a_reading_may_be_shifted(score):
    rng = np.random.default_rng(5)
    truth = np.cumsum(rng.normal(size=(12, ROWS)), axis=1)
    truth -= truth.mean(axis=1, keepdims=True)
    late = np.roll(truth, 40, axis=1)
    near, far = score(late, truth)[0], score(late, truth, "--fs", "100")[0]
    assert near > far + 3


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: "", "expected"),
        (lambda text: "a,b\n1,2\n", "expected"),
        (lambda text: ",".join(LEADS) + "\n1,2\n", "expected"),
        (lambda text: ",".join(LEADS) + "\n" + "x," * 12, "expected"),
        (lambda text: text.replace("V1", "W1"), "lead V1 is missing"),
        (lambda text: "\n".join(text.splitlines()[:1]) + "\n", "found no row"),
        (lambda text: text.replace("time_s", "when"), "found the column 'when', expected only I,II"),
        (lambda text: text.replace("\n0.004,", "\n0.005,"), "time_s, row 2 (line 4): found '0.005' after '0.002'"),
        (lambda text: text.replace("\n0.004,", "\nx,"), "time_s, row 2 (line 4): found 'x', expected a number in s"),
        (lambda text: text.replace("\n0.004,", "\n,"), "time_s, row 2 (line 4): found '' after"),
    ],
)
@pytest.mark.parametrize("side", ["read", "truth"])
def test_a_table_that_is_none_is_one_line_that_names_it(tmp_path, capsys, side, edit, message):
    for name in ("read", "truth"):
        write_csv(tmp_path / name / "a.csv", np.zeros((12, 10)), 500.0)
    path = tmp_path / side / "a.csv"
    path.write_text(edit(path.read_text()))
    assert main(["score", str(tmp_path / "read"), str(tmp_path / "truth")]) == 1
    error = capsys.readouterr().err
    assert str(path) in error and message in error and error.count("\n") == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_truth_with_nothing_to_compare_with_is_said(score, value):
    _, error = score(beats(), np.full((12, ROWS), value))
    assert ("found no number" if np.isnan(value) else "lead I, row 0 (line 2): found inf") in error


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "fast"])
def test_a_rate_that_is_none_is_a_usage_error(rate, capsys):
    with pytest.raises(SystemExit):
        main(["score", "read", "truth", "--fs", rate])
    assert f"found {rate}, expected a number above 0" in capsys.readouterr().err


def test_a_truth_of_the_competition_needs_no_column_of_times(tmp_path, capsys):
    write_signal(Path(tmp_path, "truth", "a.csv"), beats(2500), 250)
    write_csv(tmp_path / "read" / "a.csv", mask_windows(beats(2500)), 250)
    assert main(["score", str(tmp_path / "read"), str(tmp_path / "truth")]) == 0
    assert "60.00 dB" in capsys.readouterr().out
