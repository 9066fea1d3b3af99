"""How pages are read and leads made from traces: chosen on out-of-fold readings, then applied unchanged to the test."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import PageNotFound, PictureError
from ecgpipe.base.files import atomic_path
from ecgpipe.base.parallel import ahead, leave_cores
from ecgpipe.competition.dataset import Dataset
from ecgpipe.competition.windows import DURATION_S
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.formats.csv import write_csv
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import LEADS
from ecgpipe.pipeline.candidates import Choice, Tried
from ecgpipe.pipeline.readings import Reading, folders_of
from ecgpipe.pipeline.traces import trace_pairs
from ecgpipe.recognize.pages import Page, find_page
from ecgpipe.rectify.picture import read_picture
from ecgpipe.score.compare import page_table
from ecgpipe.score.metrics import competition_score, evaluate

SCORE = "snr_db/all"


def page_snrs(oof: Path, dataset: Dataset, ways: Sequence[Reading]) -> Callable[[Choice], pd.Series]:
    """What gives the linear SNR of each out-of-fold page in `oof` under a choice, by id and kind."""
    folders = folders_of(ways, oof)

    def score(choice: Choice) -> pd.Series:
        table = evaluate(trace_pairs(folders[choice.reading], dataset, choice.leads))
        return page_table(table).set_index(["id", "kind"])["snr"]

    return score


def save_choice(path: str | Path, choice: Choice) -> None:
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


def gain_metrics(chosen: pd.Series, plain: pd.Series, tried: Sequence[Tried], pages: pd.DataFrame) -> dict[str, float]:
    """The score of what was chosen, that of plain leads, and each candidate's gain with its standard error.

    `chosen` and `plain` are linear SNRs of pages; the number of digitized test pages is added.
    """
    metrics = {SCORE: competition_score(chosen), f"{SCORE}_plain": competition_score(plain)}
    for one in tried:
        metrics[f"gain_db/{one.step}/{one.name}"] = one.gain.db
        if math.isfinite(one.gain.error_db):
            metrics[f"gain_error_db/{one.step}/{one.name}"] = one.gain.error_db
    return metrics | {"pages": len(pages), "not_digitized": int((pages["status"] != "digitized").sum())}


def gain_table(tried: Sequence[Tried]) -> pd.DataFrame:
    """A row a candidate: `candidate`, `gain_db`, `error_db` (NaN of one record), `taken`."""
    rows = [(f"{one.step} {one.name}", *one.gain, one.taken) for one in tried]
    table = pd.DataFrame(rows, columns=["candidate", "gain_db", "error_db", "taken"])
    return table.replace({"error_db": math.inf}, math.nan)
