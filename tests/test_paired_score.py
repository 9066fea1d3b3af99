"""Scores forgive nothing: a shift, an offset and a gain all cost."""

import numpy as np
import pandas as pd
import pytest

from ecgpipe.paired.score import best_to_worst, picture_scores, summary

ROWS = pd.DataFrame({"ecg_id": ["a", "b", "c"], "lead": ["I", "II", "I"]})
T = np.arange(100) / 100
TRUTH = np.stack([np.stack([np.sin(2 * np.pi * (k + 1) * T), np.cos(2 * np.pi * T)]) for k in range(3)])


def test_a_tenth_of_error_is_20_db():
    scores = picture_scores(ROWS, TRUTH, 1.1 * TRUTH)
    assert scores["snr_db"].tolist() == pytest.approx([20] * 3)
    assert scores["correlation"].tolist() == pytest.approx([1] * 3)
    assert scores["mse_mv2"].tolist() == pytest.approx([0.005] * 3)


def test_nothing_at_all_is_0_db_and_a_perfect_reading_60():
    assert picture_scores(ROWS, TRUTH, 0 * TRUTH)["snr_db"].tolist() == pytest.approx([0] * 3)
    assert picture_scores(ROWS, TRUTH, TRUTH)["snr_db"].tolist() == pytest.approx([60] * 3)


@pytest.mark.parametrize("reading", [np.roll(TRUTH, 5, axis=-1), TRUTH + 0.3])
def test_a_shift_and_an_offset_cost(reading):
    assert (picture_scores(ROWS, TRUTH, reading)["snr_db"] < 12).all()


def test_a_flat_channel_has_no_correlation():
    reading = TRUTH.copy()
    reading[:, 1] = 0
    assert picture_scores(ROWS, TRUTH, reading)["correlation"].tolist() == pytest.approx([0.5] * 3)


def test_the_summary_has_the_mean_of_each_lead():
    reading = TRUTH.copy()
    reading[0] *= 1.1
    reading[2] *= 1.01
    metrics = summary(picture_scores(ROWS, TRUTH, reading))
    assert metrics["snr_db/lead_I"] == pytest.approx(30) and metrics["snr_db/lead_II"] == pytest.approx(60)
    assert metrics["snr_db/all"] == pytest.approx(40) and metrics["pictures"] == 3


def test_pictures_to_show_go_from_the_best_to_the_worst():
    scores = pd.DataFrame({"snr_db": [3.0, 9.0, 1.0, 5.0, 7.0]})
    assert best_to_worst(scores, 3).tolist() == [1, 3, 2] and len(best_to_worst(scores, 9)) == 5
