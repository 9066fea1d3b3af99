"""cross_validate: how well pages are read whose record was never trained on."""

import sys
from dataclasses import replace
from pathlib import Path

from rich.progress import track

from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.leads import DEFAULT
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.pipeline.cross_validate import page_overlay, read_out_of_fold
from ecgpipe.pipeline.folds import assign_folds
from ecgpipe.pipeline.readings import readings
from ecgpipe.pipeline.samples import rectified_pages
from ecgpipe.pipeline.traces import trace_pairs
from ecgpipe.pipeline.train import FineTune
from ecgpipe.score.compare import page_table
from ecgpipe.score.metrics import evaluate, summary
from stages import run, write_metrics

RAW = Dataset("data/raw")
FRAMES = Path("data/frames")
OOF = Path("data/oof")
SCRATCH = Path("scratch/cross_validate")
METRICS = "metrics/cross_validate.json"
PLOTS = Path("plots/cross_validate")


def main() -> None:
    params = load_params()
    split = params.cross_validate
    spec = FrameSpec(raster=Raster(params.preprocess.px_per_s, params.preprocess.px_per_mv))
    fine_tune = FineTune(spec, params.model, params.loss, replace(params.train, steps=split.steps))
    pages = rectified_pages(FRAMES)
    pages["fold"] = pages["id"].map(assign_folds(pages, split.folds, split.seed))
    limits_db = split.give_up_below_db or ()
    work = read_out_of_fold(pages, FRAMES, RAW, fine_tune, OOF, SCRATCH, readings(params.read), limits_db)
    scores_db = list(track(work, "folds", total=split.folds))
    if len(scores_db) < split.folds:
        print(f"gave up after fold {len(scores_db)} of {split.folds} at {scores_db[-1]:.2f} dB", file=sys.stderr)

    leads = evaluate(trace_pairs(OOF, RAW, DEFAULT))
    plain = summary(evaluate(trace_pairs(OOF, RAW)))
    scores = page_table(leads)
    first = {f"snr_db/folds_{count}": score_db for count, score_db in enumerate(scores_db, 1)}
    read = {"folds": len(scores_db), "gave_up": int(len(scores_db) < split.folds)}
    write_metrics(METRICS, summary(leads) | {"snr_db/all_plain": plain["snr_db/all"]} | first | read)
    plots.snr_by_kind(PLOTS / "snr", scores)
    for name, place in (("best", scores["snr_db"].idxmax()), ("worst", scores["snr_db"].idxmin())):
        page = scores.loc[place]
        plots.save_picture(PLOTS / f"{name}.jpg", page_overlay(page["id"], page["kind"], RAW, FRAMES, spec, OOF), 2000)


if __name__ == "__main__":
    run(main)
