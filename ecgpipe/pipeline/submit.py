"""The submission that test.csv asks for, and its score where the truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.competition.dataset import Dataset, read_signal, read_submission
from ecgpipe.formats.csv import read_series
from ecgpipe.score.compare import page_table
from ecgpipe.score.metrics import evaluate, summary
from ecgpipe.score.submission import solution, submission_from, submission_pairs

NO_SCORES = pd.DataFrame({"id": [], "snr_db": []})


def build_submission(dataset: Dataset, predictions: Path) -> pd.DataFrame:
    """The table `id,value` from `predictions`/<id>.csv; 0 mV for what a picture did not show."""
    series = {
        record_id: np.nan_to_num(read_series(predictions / f"{record_id}.csv")) for record_id in dataset.test_ids()
    }
    return submission_from(dataset.test_table(), series)


def score_submission(dataset: Dataset, path: Path) -> tuple[dict[str, float], pd.DataFrame]:
    """Metrics and page table of the submission file at `path`, of the records whose truth is known; without any, an
    empty table."""
    test = dataset.test_table()
    submission = read_submission(path)
    metrics = {"rows": len(submission), "records": test["id"].nunique()}
    known = [record_id for record_id in dataset.test_ids() if dataset.test_truth_path(record_id).is_file()]
    if not known:
        return metrics, NO_SCORES
    truth = solution(test[test["id"].isin(known)], {i: read_signal(dataset.test_truth_path(i)) for i in known})
    leads = evaluate(submission_pairs(submission[submission["id"].isin(truth["id"])], truth))
    scores = {name: value for name, value in summary(leads).items() if "/kind_" not in name}
    return metrics | scores, page_table(leads)
