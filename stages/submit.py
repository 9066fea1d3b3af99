"""submit: the submission that test.csv asks for, row for row, and its score where the truth is known."""

from pathlib import Path

from ecgpipe.competition.dataset import Dataset, write_submission
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.pipeline.submit import build_submission, score_submission
from stages import run, write_metrics

RAW = Dataset("data/raw")
PREDICTIONS = Path("data/predictions")
SUBMISSION = Path("data/submission")
METRICS = "metrics/submit.json"
PLOTS = Path("plots/submit")


def main() -> None:
    params = load_params()
    path = SUBMISSION / f"submission.{params.submit.format}"
    write_submission(path, build_submission(RAW, PREDICTIONS))
    metrics, scores = score_submission(RAW, path)
    plots.snr_by_page(PLOTS / "snr", scores)
    write_metrics(METRICS, metrics)


if __name__ == "__main__":
    run(main)
