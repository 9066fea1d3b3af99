"""How leads are made from traces: chosen on out-of-fold readings, stored, then applied unchanged to the test."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import PageNotFound, PictureError
from ecgpipe.base.files import atomic_path
from ecgpipe.competition.dataset import Dataset
from ecgpipe.competition.windows import DURATION_S
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.export import write_csv
from ecgpipe.digitize.leads import LeadOptions
from ecgpipe.page.layout import LEADS
from ecgpipe.params import Postprocess
from ecgpipe.pipeline.traces import trace_pairs
from ecgpipe.rectify.picture import read_picture
from ecgpipe.score.metrics import evaluate, summary

SCORE = "snr_db/all"


def candidates(params: Postprocess) -> tuple[LeadOptions, ...]:
    """Every combination of what `params` allows, used and not used; the plainest first."""
    merges = (False, True) if params.merge_rhythm else (False,)
    limits = sorted({0.0, params.limb_lead_residual_mv})
    return tuple(LeadOptions(merge, limit) for limit, merge in product(limits, merges))


def score_candidates(oof: Path, dataset: Dataset, options: Iterable[LeadOptions]) -> dict[LeadOptions, float]:
    """The competition's score in dB of the out-of-fold traces in `oof` under each of `options`."""
    return {option: summary(evaluate(trace_pairs(oof, dataset, option)))[SCORE] for option in options}


def choose(scores: dict[LeadOptions, float]) -> LeadOptions:
    """The best of `scores`; of equals, the first."""
    return max(scores, key=scores.__getitem__)


def save_choice(path: str | Path, choice: LeadOptions) -> None:
    """Write the choice as JSON."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(asdict(choice), indent=2) + "\n")


def digitize_test(digitizer: Digitizer, dataset: Dataset, out: Path) -> Iterator[dict[str, str]]:
    """Write `out`/<id>.csv (12 leads, 10·fs rows) for each test picture, yielding its id, status and reason.

    A page that is not found is written as unseen throughout: the submission has a row for it all the same.
    """
    for record_id, fs_hz in dataset.test_table().groupby("id", sort=False)["fs"].first().items():
        rows = round(DURATION_S * fs_hz)
        page = {"id": record_id, "status": "digitized", "reason": ""}
        try:
            digitized = digitizer.digitize(read_picture(dataset.test_image_path(record_id)))
            series = digitized.resampled(rows)
        except (PageNotFound, PictureError) as error:
            page |= {"status": "not digitized", "reason": str(error)}
            series = np.full((len(LEADS), rows), np.nan)
        write_csv(out / f"{record_id}.csv", series)
        yield page


def candidate_metrics(scores: dict[LeadOptions, float], pages: pd.DataFrame) -> dict[str, float]:
    """The score of each candidate by what it does, and how many test pages were digitized."""
    names = {option: f"merge_{option.merge_rhythm:d}_limb_{option.limb_lead_residual_mv:g}" for option in scores}
    metrics = {f"{SCORE}/{names[option]}": score for option, score in scores.items()}
    return metrics | {"pages": len(pages), "not_digitized": int((pages["status"] != "digitized").sum())}
