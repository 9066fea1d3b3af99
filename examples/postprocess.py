"""What each candidate of the stage postprocess gains on pictures of your own.

python -m examples.postprocess FOLDER...

The pictures of each folder lie beside their true signals, `page.jpg` and `page.csv`. Each is read once, with the
shipped weights, and counts as a record of its own.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.competition.signals import read_leads
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import leads_of, resample_leads
from ecgpipe.params import load_params
from ecgpipe.pipeline.candidates import Choice, choose, steps
from ecgpipe.pipeline.postprocess import gain_table
from ecgpipe.pipeline.readings import Reading
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES
from ecgpipe.score.compare import pair
from ecgpipe.score.metrics import image_snr
from ecgpipe.trace.reader import Traces


def linear_snr(page: str, traces: Traces, truth_mv: np.ndarray, choice: Choice) -> float:
    """The linear SNR of a page under a choice."""
    series = resample_leads(leads_of(traces, choice.leads), truth_mv.shape[1], traces.layout)
    one = pair(page, "", truth_mv, series)
    return image_snr(one.truth, one.prediction, one.fs_hz)


def main(folders: list[str]) -> None:
    params = load_params()
    everything = steps(replace(params.read, try_weights=None, try_flips=None), params.postprocess)
    digitizer = Digitizer()
    for folder in map(Path, folders):
        pictures = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES]
        truths = {path: read_leads(path.with_suffix(".csv")).series_mv for path in pictures}
        traces = {path: digitizer.digitize(path).traces for path in pictures}
        index = pd.MultiIndex.from_product([[path.stem for path in pictures], [folder.name]], names=["id", "kind"])

        def score(choice: Choice, pages=traces, truths=truths, index=index) -> pd.Series:
            return pd.Series([linear_snr(path.stem, pages[path], truths[path], choice) for path in pages], index)

        _, tried = choose(Choice(Reading()), everything, score, params.postprocess.standard_errors)
        print(f"{folder}, {len(pictures)} pictures")
        print(gain_table(tried).round(3).to_string(index=False), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
