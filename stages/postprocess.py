"""postprocess: how leads are made from traces, chosen on out-of-fold readings, then applied to the test pictures."""

from functools import partial
from pathlib import Path

import pandas as pd
from rich.progress import track

from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.params import load_params
from ecgpipe.pipeline.postprocess import (
    candidate_metrics,
    candidates,
    choose,
    digitize_test,
    save_choice,
    score_candidates,
)
from stages import run, write_metrics

RAW = Dataset("data/raw")
OOF = Path("data/oof")
CHOICE = "models/postprocess.json"
PREDICTIONS = Path("data/predictions")
METRICS = "metrics/postprocess.json"


def main() -> None:
    params = load_params()
    scores = score_candidates(OOF, RAW, candidates(params.postprocess))
    choice = choose(scores)
    save_choice(CHOICE, choice)

    spec = FrameSpec(raster=Raster(params.preprocess.px_per_s, params.preprocess.px_per_mv))
    weights = [Path(path) for path in params.read.weights]
    load = partial(Digitizer, weights, spec, choice, params.read.flips, layout_known=True)
    work = digitize_test(load, RAW, spec, PREDICTIONS, params.postprocess.workers)
    pages = pd.DataFrame(track(work, "digitize", total=len(RAW.test_ids())))
    pages.to_csv(PREDICTIONS / "pages.csv", index=False, lineterminator="\n")
    write_metrics(METRICS, candidate_metrics(scores, choice, pages))


if __name__ == "__main__":
    run(main)
