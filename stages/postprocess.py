"""postprocess: how pages are read and leads made, chosen on out-of-fold readings, then applied to the test pictures."""

from functools import partial
from pathlib import Path

import pandas as pd
from rich.progress import track

from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.pipeline.candidates import Choice, choose, steps
from ecgpipe.pipeline.postprocess import (
    digitize_test,
    gain_metrics,
    gain_table,
    page_snrs,
    save_choice,
)
from ecgpipe.pipeline.readings import readings
from stages import run, write_metrics

RAW = Dataset("data/raw")
OOF = Path("data/oof")
CHOICE = "models/postprocess.json"
PREDICTIONS = Path("data/predictions")
METRICS = "metrics/postprocess.json"
PLOTS = Path("plots/postprocess")


def main() -> None:
    params = load_params()
    ways = readings(params.read)
    score, plain = page_snrs(OOF, RAW, ways), Choice(ways[0])
    choice, tried = choose(plain, steps(params.read, params.postprocess), score, params.postprocess.standard_errors)
    save_choice(CHOICE, choice)
    plots.gains(PLOTS / "gains", gain_table(tried))

    spec = FrameSpec(raster=Raster(params.preprocess.px_per_s, params.preprocess.px_per_mv))
    weights = [Path(path) for path in choice.reading.weights]
    load = partial(Digitizer, weights, spec, choice.leads, choice.reading.flips, layout_known=True)
    work = digitize_test(load, RAW, spec, PREDICTIONS, params.postprocess.workers)
    pages = pd.DataFrame(track(work, "digitize", total=len(RAW.test_ids())))
    pages.to_csv(PREDICTIONS / "pages.csv", index=False, lineterminator="\n")
    write_metrics(METRICS, gain_metrics(score(choice), score(plain), tried, pages))


if __name__ == "__main__":
    run(main)
