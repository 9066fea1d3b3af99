"""How leads are made from traces: chosen on out-of-fold readings, stored, then applied unchanged to the test."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import PageNotFound, PictureError
from ecgpipe.base.files import atomic_path
from ecgpipe.base.parallel import ahead, leave_cores
from ecgpipe.competition.dataset import Dataset
from ecgpipe.competition.windows import DURATION_S
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import PLAIN, LeadOptions
from ecgpipe.formats.csv import write_csv
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import LEADS
from ecgpipe.params import Postprocess
from ecgpipe.pipeline.traces import trace_pairs
from ecgpipe.recognize.pages import Page, find_page
from ecgpipe.rectify.picture import read_picture
from ecgpipe.score.metrics import evaluate, summary

SCORE = "snr_db/all"


def candidates(params: Postprocess) -> tuple[LeadOptions, ...]:
    """Every combination of the options that `params` allows, each off and on; the plainest first."""
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


def digitize_test(
    load: Callable[[], Digitizer], dataset: Dataset, spec: FrameSpec, out: Path, workers: int
) -> Iterator[dict[str, str]]:
    """Write `out`/<id>.csv (12 leads, 10·fs rows) for each test picture, yielding its id, status and reason.

    `workers` processes find pages, on frames of `spec`, while this process loads the digitizer and reads them. A page
    that is not found is written as NaN throughout, because the submission has rows for it in any case.
    """
    rates_hz = dataset.test_table().groupby("id", sort=False)["fs"].first()
    pages = ahead(partial(_page_of, spec), map(dataset.test_image_path, rates_hz.index), workers)
    leave_cores(workers)
    digitizer = load()
    for (record_id, fs_hz), page in zip(rates_hz.items(), pages, strict=True):
        rows = round(DURATION_S * fs_hz)
        if isinstance(page, Page):
            series, reason = digitizer.read(page).resampled(rows), ""
        else:
            series, reason = np.full((len(LEADS), rows), np.nan), str(page)
        write_csv(out / f"{record_id}.csv", series)
        yield {"id": record_id, "status": "not digitized" if reason else "digitized", "reason": reason}


def _page_of(spec: FrameSpec, image: Path) -> Page | PageNotFound | PictureError:
    """The page in a picture, or why there is none."""
    try:
        return find_page(read_picture(image), spec, layout_known=True)
    except (PageNotFound, PictureError) as error:
        return error


def candidate_metrics(scores: dict[LeadOptions, float], choice: LeadOptions, pages: pd.DataFrame) -> dict[str, float]:
    """The score of the choice, first in sorted order, then of plain leads and of each candidate by its options.

    The number of digitized test pages is added.
    """
    metrics = {SCORE: scores[choice], f"{SCORE}_plain": scores[PLAIN]}
    for option, score in scores.items():
        metrics[f"snr_db/candidate/merge_{option.merge_rhythm:d}_limb_{option.limb_lead_residual_mv:g}"] = score
    return metrics | {"pages": len(pages), "not_digitized": int((pages["status"] != "digitized").sum())}
