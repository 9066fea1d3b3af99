"""From digitised test pictures to a submission and, where its truth is known, a score."""

import numpy as np
import pytest

from ecgpipe.competition.dataset import Dataset
from ecgpipe.competition.windows import window_mask
from ecgpipe.formats.csv import write_csv
from ecgpipe.page.layout import LEADS
from ecgpipe.pipeline.submit import build_submission, score_submission
from tests.records import series_of, small_dataset


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return small_dataset(tmp_path / "raw")


def test_what_a_picture_did_not_show_is_submitted_as_zero(tmp_path, dataset):
    series = np.where(window_mask(10250), series_of(9, 10250), np.nan)
    series[LEADS.index("II"), :100] = np.nan
    write_csv(tmp_path / "9.csv", series)
    submission = build_submission(dataset, tmp_path).set_index("id")["value"]
    assert (submission[[f"9_{sample}_II" for sample in range(100)]] == 0).all()
    assert submission["9_100_II"] == pytest.approx(series[LEADS.index("II"), 100], abs=1e-4)


def test_a_submission_without_known_truth_has_no_score(tmp_path, dataset):
    write_csv(tmp_path / "9.csv", np.zeros((12, 10250)))
    build_submission(dataset, tmp_path).to_csv(tmp_path / "submission.csv", index=False)
    metrics, pages = score_submission(dataset, tmp_path / "submission.csv")
    assert "snr_db/all" in metrics and len(pages) == 1
    dataset.test_truth_path("9").unlink()
    metrics, pages = score_submission(dataset, tmp_path / "submission.csv")
    assert metrics == {"rows": dataset.test_table()["number_of_rows"].sum(), "records": 1} and pages.empty
