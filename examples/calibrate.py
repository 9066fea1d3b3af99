"""The constants of ecgpipe/trace/uncertainty.py, fitted on simulated pages that nothing else uses.

python -m examples.calibrate [--pages 6]

They are such that 97 % of the samples lie within 2 sigma, and sigma is as small as that allows: the quantile loss
(Koenker and Bassett 1978) of |error| against 2 sigma at that quantile is least. Each page has the same say. A normal
distribution would have 95 %, but kinds differ, and those read worst shall not fall below 90 %. To be repeated with new
weights.
"""

import argparse

import numpy as np
from rich.progress import track
from scipy.optimize import minimize

from ecgpipe.base.errors import PageNotFound
from ecgpipe.competition.dataset import KINDS
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.trace import uncertainty
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from examples.simulated import FS_HZ, simulated_page

SEED = 99_000  # no data set, no training and no other measurement starts from it
WITHIN_2_SIGMA = 0.97
SAMPLES = 3000  # drawn from each page
NAMES = ("SPREAD", "FLOOR_MV", "ROUGH", "PLACE", "CREASE_MM")
STARTS = 6  # the loss has flat places, so the search starts from several


def samples_of(traces: Traces, expected_error_mm: float, bend: float, truth: np.ndarray) -> np.ndarray:
    """Absolute errors in mV and the terms of their sigma, (1 + 5, SAMPLES), of a page with `truth` (12, 5000)."""
    error = np.abs(traces.mv - row_series(truth, FS_HZ, traces.layout))
    terms = uncertainty.uncertainty_terms(traces, expected_error_mm, bend)
    known = np.isfinite(error)
    table = np.concatenate([error[None], terms])[:, known]
    return table[:, np.random.default_rng(SEED).choice(table.shape[1], SAMPLES)]


def fit(table: np.ndarray) -> np.ndarray:
    """The constants (5,) for errors and terms (1 + 5, n)."""
    error, terms = table[0], np.square(table[1:])

    def loss(logarithms: np.ndarray) -> float:
        beyond = error - 2 * np.sqrt(np.exp(2 * logarithms) @ terms)
        return np.maximum(WITHIN_2_SIGMA * beyond, (WITHIN_2_SIGMA - 1) * beyond).mean()

    rng = np.random.default_rng(SEED)
    start = np.log([getattr(uncertainty, name) for name in NAMES])
    options = {"maxiter": 6000, "xatol": 1e-3, "fatol": 1e-8, "adaptive": True}
    found = [
        minimize(loss, start + rng.normal(0, 0.5, len(start)), method="Nelder-Mead", options=options)
        for _ in range(STARTS)
    ]
    return np.exp(min(found, key=lambda result: result.fun).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=6, help="pictures of each kind")
    jobs = [(kind, index) for index in range(parser.parse_args().pages) for kind in KINDS]
    digitizer, tables = Digitizer(), []
    for kind, index in track(jobs, "pages"):
        pictured, truth = simulated_page(SEED, kind, index)
        try:
            page = digitizer.digitize(pictured.image)
        except PageNotFound:
            continue
        tables.append(samples_of(page.traces, page.quality.expected_error_mm, page.quality.bend, truth))
    table = np.concatenate(tables, axis=1)
    constants = fit(table)
    within = (table[0] <= 2 * np.sqrt(np.square(constants) @ np.square(table[1:]))).mean()
    print(f"{', '.join(NAMES)} = {', '.join(f'{value:.2g}' for value in constants)}")
    print(f"{within:.1%} of the samples of {len(tables)} of {len(jobs)} pages are within 2 sigma")


if __name__ == "__main__":
    main()
