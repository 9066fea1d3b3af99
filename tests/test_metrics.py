"""The competition's score against figures of the organisers' own code, and the freedoms it grants."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS
from ecgpipe.score.metrics import CAPS, Pair, competition_score, evaluate, image_snr, lead_alignment, summary

GOLDEN = os.environ.get("ECGPIPE_GOLDEN")

# The organisers' example: fs 1, ten seconds of lead II, three samples of every other lead.
SMALL = {
    "I": [0.1, 0.3, 0.4],
    "III": [0.6, 0.6, 0.4],
    "aVR": [0.2, 0.3, 0.4],
    "aVL": [0.5, 0.2, 0.7],
    "aVF": [0.2, 0.3, 0.4],
    "V1": [0.8, 0.6, 0.7],
    "V2": [0.2, 0.3, -0.1],
    "V3": [0.5, 0.6, 0.7],
    "V4": [0.2, 0.9, 0.4],
    "V5": [0.5, 0.6, 0.7],
    "V6": [0.1, 0.3, 0.4],
    "II": [0.6, 0.6, 0.4, 0.2, 0.3, 0.4, 0.5, 0.2, 0.7, 0.2, 0.3, 0.4],
}
SMALL_EXPECTED_DB = [
    ({}, 25.84331224367531),
    ({("I", 0): 0.9}, 13.629063835031355),
    ({("I", 0): 0.9, ("III", 1): 0.3}, 13.057634973665667),
]


def beats(rng, samples, fs_hz, rate_hz=1.2):
    """Narrow beats on a slow wave with a little noise, (samples,) mV."""
    phase = (np.arange(samples) / fs_hz * rate_hz + rng.uniform()) % 1 - 0.5
    return np.exp(-((phase / 0.03) ** 2)) + 0.2 * np.sin(2 * np.pi * phase) + 0.02 * rng.standard_normal(samples)


def image(seed=0, fs_hz=500):
    rng = np.random.default_rng(seed)
    return {lead: beats(rng, int((10 if lead == "II" else 2.5) * fs_hz), fs_hz) for lead in LEADS}


def snr_db(truth, prediction, fs_hz=500, cap=CAPS[1]):
    return competition_score([image_snr(truth, prediction, fs_hz)], cap)


@pytest.mark.parametrize(("changes", "expected_db"), SMALL_EXPECTED_DB)
def test_organisers_small_example(changes, expected_db):
    truth = {lead: np.array(values) for lead, values in SMALL.items()}
    prediction = {lead: values.copy() for lead, values in truth.items()}
    for (lead, row), value in changes.items():
        prediction[lead][row] = value
    assert snr_db(truth, prediction, fs_hz=1, cap=384.0) == pytest.approx(expected_db, abs=1e-6)


@pytest.mark.skipif(not GOLDEN, reason="ECGPIPE_GOLDEN does not name the folder of cases.parquet and expected.json")
def test_organisers_golden_cases():
    table = pd.read_parquet(Path(GOLDEN) / "cases.parquet")
    expected = json.loads((Path(GOLDEN) / "expected.json").read_text())
    table[["record", "lead"]] = table["id"].str.rsplit("_", n=2, expand=True)[[0, 2]]
    snrs = {}
    for record, rows in table.groupby("record"):
        leads = {lead: group for lead, group in rows.groupby("lead")}
        truth = {lead: group["value"].to_numpy() for lead, group in leads.items()}
        prediction = {lead: group["predicted"].to_numpy() for lead, group in leads.items()}
        snrs[record] = image_snr(truth, prediction, rows["fs"].iloc[0])
    for cap in CAPS:
        found = {record: competition_score([snr], cap) for record, snr in snrs.items()}
        found["all"] = competition_score(snrs.values(), cap)
        assert found == pytest.approx(expected[f"{cap:.0f}"], abs=1e-6)


@pytest.mark.parametrize("fs_hz", [250, 256, 500, 512, 1000, 1025])
@pytest.mark.parametrize("sign", [-1, 1])
def test_shift_within_a_fifth_of_a_second_is_found_whole(fs_hz, sign):
    truth, lag = image(fs_hz=fs_hz)["V2"], sign * int(0.2 * fs_hz)
    aligned = lead_alignment(truth, np.roll(truth, -lag), fs_hz)
    assert aligned.lag == lag
    kept = slice(lag, None) if lag > 0 else slice(None, lag)
    np.testing.assert_allclose(aligned.series[kept], truth[kept], atol=1e-12)
    assert not aligned.series[:lag].any() if lag > 0 else not aligned.series[lag:].any()


def test_shift_past_a_fifth_of_a_second_is_not_granted():
    truth = beats(np.random.default_rng(0), 1250, 500, rate_hz=0.4)
    assert abs(lead_alignment(truth, np.roll(truth, 150), 500).lag) == 100


def test_tied_lags_go_to_the_smallest():
    truth, prediction = np.zeros(101), np.zeros(101)
    truth[[40, 47]] = 1.0  # one spike fits either of them: lags -10 and -3
    prediction[50] = 1.0
    assert lead_alignment(truth, prediction, 500).lag == -3


def test_prediction_without_any_variation_is_not_shifted():
    assert lead_alignment(image()["I"], np.zeros(1250), 500).lag == 0


def test_offset_is_free_in_each_lead():
    truth = image()
    prediction = {lead: series + offset for offset, (lead, series) in enumerate(truth.items())}
    assert snr_db(truth, prediction) == pytest.approx(60.0)


def test_shift_costs_only_the_samples_shifted_out():
    truth = image()["V2"]
    snr = image_snr({"V2": truth}, {"V2": np.roll(truth, 5)}, 500)
    assert snr == pytest.approx(np.sum(truth**2) / np.sum(truth[-5:] ** 2))


def test_gain_is_not_free():
    truth = {lead: series - series.mean() for lead, series in image().items()}
    assert snr_db(truth, {lead: 1.1 * series for lead, series in truth.items()}) == pytest.approx(20.0, abs=1e-6)


def test_time_scale_is_not_free():
    truth = image()
    stretched = {
        lead: np.interp(np.arange(len(series)) * 1.01, np.arange(len(series)), series) for lead, series in truth.items()
    }
    assert snr_db(truth, stretched) < 7.5  # 7.2


def test_signal_power_counts_the_truths_own_offset():
    truth = image()
    lifted = {lead: series + 1.0 for lead, series in truth.items()}
    noisy = {lead: series * 1.1 for lead, series in truth.items()}
    assert snr_db(lifted, noisy) > snr_db(truth, noisy) + 13  # 13.03


def test_one_inverted_lead_is_pooled_with_the_others():
    truth = image()
    prediction = {**truth, "V3": -truth["V3"]}
    alone = image_snr({"V3": truth["V3"]}, {"V3": prediction["V3"]}, 500)
    share = np.sum(truth["V3"] ** 2) / sum(np.sum(series**2) for series in truth.values())
    assert image_snr(truth, prediction, 500) == pytest.approx(alone / share)


def test_score_averages_capped_ratios_not_decibels():
    assert competition_score([10.0, 1000.0], 384.0) == pytest.approx(10 * np.log10((10 + 384) / 2))
    assert competition_score([10.0, np.inf]) == pytest.approx(10 * np.log10((10 + 1e6) / 2))


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (np.zeros(9), r"\(9,\) for truth \(10,\)"),
        (np.full(10, np.nan), "lead V1: found nan in the prediction at sample 0"),
        (np.r_[np.zeros(7), np.inf, 0, 0], "lead V1: found inf in the prediction at sample 7"),
    ],
)
def test_bad_prediction_is_named(prediction, words):
    with pytest.raises(DataError, match=words):
        image_snr({"V1": np.arange(10.0)}, {"V1": prediction}, 500)


def test_missing_lead_is_named():
    truth = image()
    with pytest.raises(DataError, match=r"7 0005.*leads"):
        evaluate([Pair("7", "0005", 500, truth, {"I": truth["I"]})])


def test_score_of_nothing_is_refused():
    with pytest.raises(DataError, match="expected one number"):
        competition_score([])


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    pairs = []
    for record, (kind, noise_mv) in enumerate([("0001", 0.01), ("0001", 0.02), ("0005", 0.2)]):
        truth = image(record)
        noisy = {lead: series + noise_mv * rng.standard_normal(len(series)) for lead, series in truth.items()}
        pairs.append(Pair(str(record), kind, 500, truth, noisy))
    return pairs, evaluate(pairs)


def test_summary_agrees_with_image_snr(table):
    pairs, rows = table
    snrs = [image_snr(pair.truth, pair.prediction, pair.fs_hz) for pair in pairs]
    metrics = summary(rows)
    assert metrics["images"] == 3
    assert metrics["snr_db/all"] == pytest.approx(competition_score(snrs))
    assert metrics["snr_db_cap384/all"] == pytest.approx(competition_score(snrs, 384.0))
    assert metrics["snr_db/kind_0001"] == pytest.approx(competition_score(snrs[:2]))
    assert metrics["snr_db/kind_0005"] == pytest.approx(competition_score(snrs[2:]))
    assert [name for name in metrics if "lead_" in name] == [f"snr_db/lead_{lead}" for lead in LEADS]
    json.dumps(metrics, allow_nan=False)


def test_plain_errors_are_those_of_the_series_as_they_are():
    truth = image()
    row = evaluate([Pair("1", "0001", 500, truth, {k: v + 0.5 for k, v in truth.items()})]).iloc[0]
    assert row["mae_mv"] == pytest.approx(0.5)
    assert row["mse_mv2"] == pytest.approx(0.25)
    assert row["correlation"] == pytest.approx(1.0)
    assert row["offset_mv"] == pytest.approx(-0.5)
    assert row["lag_s"] == 0


def test_flat_prediction_has_no_correlation():
    truth = image()
    rows = evaluate([Pair("1", "0001", 500, truth, {k: np.zeros_like(v) for k, v in truth.items()})])
    assert (rows["correlation"] == 0).all()


# ---- what the competition grants, for any signal


seeds = st.integers(0, 2**32 - 1)


def noisy_image(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    truth = {lead: beats(rng, 500, 200) for lead in LEADS[:3]}
    return truth, {lead: series + 0.05 * rng.standard_normal(500) for lead, series in truth.items()}


@settings(max_examples=30, deadline=None)
@given(seeds, st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_an_offset_of_each_lead_changes_no_score(seed, offsets):
    truth, read = noisy_image(seed)
    moved = {lead: series + offset for offset, (lead, series) in zip(offsets, read.items(), strict=True)}
    assert image_snr(truth, moved, 200) == pytest.approx(image_snr(truth, read, 200), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(-40, 40))
def test_a_shift_of_at_most_a_fifth_of_a_second_is_undone_where_nothing_was_shifted_out(seed, lag):
    rng = np.random.default_rng(seed)
    truth = np.zeros(500)
    truth[60:440] = beats(rng, 380, 200) - 0.1
    aligned = lead_alignment(truth, np.roll(truth, -lag), 200)
    assert aligned.lag == lag
    kept = slice(max(lag, 0), 500 + min(lag, 0))
    np.testing.assert_allclose(aligned.series[kept], truth[kept], atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_a_score_knows_no_unit(seed, gain):
    truth, read = noisy_image(seed)
    scaled = ({lead: gain * series for lead, series in leads.items()} for leads in (truth, read))
    assert image_snr(*scaled, 200) == pytest.approx(image_snr(truth, read, 200), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_order_of_leads_and_images_does_not_matter(seed):
    truth, read = noisy_image(seed)
    assert image_snr(dict(reversed(truth.items())), read, 200) == pytest.approx(image_snr(truth, read, 200))
    snrs = np.random.default_rng(seed).exponential(300, 5)
    assert competition_score(snrs[::-1]) == pytest.approx(competition_score(snrs))
