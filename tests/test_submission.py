"""Submissions: exact ids and row counts, refusals that name the row, and scores from the files themselves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import read_submission, write_submission
from ecgpipe.page.layout import LEADS
from ecgpipe.score.metrics import competition_score, image_snr
from ecgpipe.score.submission import check, parse_ids, score, solution, submission_from, submission_pairs

SHORT_QUARTERS = {"I", "III", "V1", "V2", "V3"}


def test_table(records):
    """test.csv with the row counts the competition gives at 1025 Hz, written down rather than computed."""
    rows = []
    for record, fs, short, long in records:
        for lead in LEADS:
            count = 10 * fs if lead == "II" else (short if lead in SHORT_QUARTERS else long)
            rows.append((record, lead, fs, count))
    return pd.DataFrame(rows, columns=["id", "lead", "fs", "number_of_rows"])


test_table.__test__ = False


@pytest.fixture
def test():
    return test_table([("77", 1025, 2562, 2563), ("rec_8", 250, 625, 625)])


@pytest.fixture
def segments(test):
    rng = np.random.default_rng(0)
    leads = {record: {} for record in test["id"]}
    for record, lead, count in zip(test["id"], test["lead"], test["number_of_rows"], strict=True):
        leads[record][lead] = np.cumsum(rng.standard_normal(count)) * 0.02
    return leads


def test_rows_follow_test_csv_in_its_order(test, segments):
    shuffled = test.sample(frac=1, random_state=0)
    table = submission_from(shuffled, segments)
    assert len(table) == test["number_of_rows"].sum()
    record, lead, count = shuffled.iloc[0][["id", "lead", "number_of_rows"]]
    assert list(table["id"][:count]) == [f"{record}_{sample}_{lead}" for sample in range(count)]
    np.testing.assert_array_equal(table["value"][:count], segments[record][lead])


def test_a_series_is_cut_into_its_windows(test):
    time = np.tile(np.arange(10250.0), (12, 1))
    table = submission_from(test[test["id"] == "77"], {"77": time}).set_index("id")["value"]
    assert table["77_0_aVR"] == 2562 and table["77_2562_aVR"] == 5124
    assert table["77_0_V1"] == 5125 and table["77_0_V4"] == 7687 and table["77_10249_II"] == 10249
    assert "77_2562_I" not in table and "77_2562_V6" in table


@pytest.mark.parametrize(
    ("record", "lead", "change", "words"),
    [
        ("77", "V1", lambda x: x[:-1], r"record 77, lead V1: .*\(2561,\), expected 2562 samples"),
        ("rec_8", "I", lambda x: None, "record rec_8, lead I: found no segment, expected 625"),
        ("rec_8", "aVL", lambda x: np.where(np.arange(625) == 9, np.nan, x), "rec_8, lead aVL, sample 9: found nan"),
        ("77", "II", lambda x: np.where(np.arange(10250) > 99, np.inf, x), "77, lead II, sample 100: found inf"),
    ],
)
def test_bad_prediction_is_named(test, segments, record, lead, change, words):
    segments[record][lead] = change(segments[record][lead])
    with pytest.raises(DataError, match=words):
        submission_from(test, segments)


def test_missing_record_is_named(test, segments):
    del segments["rec_8"]
    with pytest.raises(DataError, match="record rec_8, lead I: found no segment"):
        submission_from(test, segments)


def test_series_of_another_shape_is_refused(test):
    with pytest.raises(DataError, match=r"record 77: found a series of shape \(10250, 12\)"):
        submission_from(test, {"77": np.zeros((10250, 12))})


@pytest.mark.parametrize("name", ["submission.csv", "submission.parquet"])
def test_written_submission_passes_the_check(test, segments, name, tmp_path):
    write_submission(tmp_path / name, submission_from(test, segments))
    check(read_submission(tmp_path / name), test)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.iloc[:-1], "found 47812 rows, expected 47813.*first missing is rec_8_624_V6"),
        (lambda t: pd.concat([t, t.tail(1)]), "one too many is rec_8_624_V6"),
        (lambda t: t.iloc[::-1], "row 0: found the id rec_8_624_V6, expected 77_0_I"),
        (lambda t: t.assign(value=t["value"].where(t.index != 5)), "row 5, 77_5_I: found nan"),
        (lambda t: t.assign(value=t["value"].mask(t.index == 7, -np.inf)), "row 7, 77_7_I: found -inf"),
        (lambda t: t.rename(columns={"value": "mv"}), "found the columns id,mv"),
        (lambda t: t.assign(value="text"), "row 0, 77_0_I: found text"),
    ],
)
def test_spoilt_submission_fails_the_check(test, segments, spoil, words):
    with pytest.raises(DataError, match=words):
        check(spoil(submission_from(test, segments)), test)


def test_ids_are_parsed_from_the_right():
    parts = parse_ids(pd.Series(["343_0_I", "my_rec_12_2563_aVR"]))
    assert parts.to_dict("list") == {"record": ["343", "my_rec_12"], "sample": [0, 2563], "lead": ["I", "aVR"]}


@pytest.mark.parametrize("bad", ["343_I", "343_-1_I", "343_x_I", "_1_I", "", "343_1_"])
def test_other_ids_are_refused(bad):
    with pytest.raises(DataError, match=rf"row 1: found the id '{bad}'"):
        parse_ids(pd.Series(["343_0_I", bad]))


def test_score_from_tables_is_the_score_from_arrays(test, segments):
    rng = np.random.default_rng(1)
    noisy = {
        record: {lead: series + 0.05 * rng.standard_normal(len(series)) for lead, series in leads.items()}
        for record, leads in segments.items()
    }
    metrics = score(submission_from(test, noisy), solution(test, segments))
    rates = {"77": 1025, "rec_8": 250}
    snrs = [image_snr(segments[record], noisy[record], fs) for record, fs in rates.items()]
    assert metrics["snr_db/all"] == pytest.approx(competition_score(snrs))
    assert metrics["images"] == 2


def test_submission_of_the_truth_is_perfect(test, segments):
    truth = solution(test, segments)
    assert score(truth[["id", "value"]], truth)["snr_db/all"] == pytest.approx(60.0)


def test_solution_out_of_order_is_refused(test, segments):
    truth = solution(test, segments).iloc[::-1]
    with pytest.raises(DataError, match="row 0: found the id rec_8_624_V6, expected the samples in order"):
        list(submission_pairs(truth[["id", "value"]], truth))


records = st.from_regex(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)?", fullmatch=True)


@settings(max_examples=5, deadline=None)
@given(st.lists(records, min_size=1, max_size=3, unique=True), st.integers(0, 2**32 - 1))
def test_any_submission_is_read_back_as_it_was_built(tmp_path_factory, names, seed):
    rng = np.random.default_rng(seed)
    table = test_table([(name, 8, 20, 20) for name in names])
    leads = {name: {} for name in names}
    for record, lead, count in zip(table["id"], table["lead"], table["number_of_rows"], strict=True):
        leads[record][lead] = rng.normal(0, 1, count)
    folder = tmp_path_factory.mktemp("submission")
    for name in ("s.csv", "s.parquet"):
        write_submission(folder / name, submission_from(table, leads))
        back = read_submission(folder / name)
        check(back, table)
        found = {
            (pair.id, lead): series
            for pair in submission_pairs(back, solution(table, leads))
            for lead, series in pair.prediction.items()
        }
        assert set(found) == {(record, lead) for record in names for lead in LEADS}
        for (record, lead), series in found.items():
            np.testing.assert_allclose(series, leads[record][lead], atol=0.51e-5)
