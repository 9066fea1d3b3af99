"""cross_validate: how well pictures are read whose ECG was never trained on."""

import sys
from pathlib import Path

import numpy as np
from rich.progress import track

from ecgpipe.base.tables import write_table
from ecgpipe.paired.cross_validate import folds_of, read_out_of_fold
from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import load_params
from ecgpipe.paired.score import best_to_worst, picture_scores, summary
from ecgpipe.pipeline import plots
from stages import run, write_metrics

PAIRS = "data/paired/pairs"
OOF = Path("data/paired/oof")
METRICS = "metrics/paired/cross_validate.json"
PLOTS = "plots/paired/cross_validate"
SHOWN = 4  # pictures


def main() -> None:
    params = load_params()
    pairs = Pairs.load(PAIRS, preload=params.train.preload)
    fold_of, remarks = folds_of(pairs.rows, params.cross_validate.folds, params.cross_validate.seed)
    for remark in remarks:
        print(remark, file=sys.stderr)
    folds = len(np.unique(fold_of))
    readings = np.empty(pairs.signals.shape, np.float32)
    for held_out, signals in track(read_out_of_fold(pairs, fold_of, params), "folds", total=folds):
        readings[held_out] = signals

    scores = picture_scores(pairs.rows.assign(fold=fold_of), pairs.signals, readings)
    OOF.mkdir(parents=True, exist_ok=True)
    np.save(OOF / "readings.npy", readings)
    write_table(OOF / "pictures.csv", scores, decimals=6)
    write_metrics(METRICS, summary(scores) | {"folds": folds})
    plots.snr_by_kind(f"{PLOTS}/snr", scores, by="lead")
    shown = best_to_worst(scores, SHOWN)
    titles = [f"{row.ecg_id}, {row.lead}: {row.snr_db:.1f} dB" for row in scores.iloc[shown].itertuples()]
    plots.series_over_truth(f"{PLOTS}/readings", titles, pairs.signals[shown], readings[shown])


if __name__ == "__main__":
    run(main)
