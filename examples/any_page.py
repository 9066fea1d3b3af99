"""Is any maker's page read: 600 simulated pages of all layouts, looks and captures through the public road.

python -m examples.any_page OUT.csv [--pages 600] [--seed 71000] [--workers 2] [--wrong DIR]

Appends a row a page to OUT.csv, so that a run that was stopped goes on, and prints tables of what is there: how many
pages have layout, lead names and scales right, how many were refused and why, how many were wrong without a warning,
and how well they were read. --wrong saves the pictures of the pages that were read wrong.
"""

import argparse
import csv
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.parallel import map_processes
from ecgpipe.digitize.digitizer import Digitized, Digitizer
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.score.metrics import image_snr
from ecgpipe.synth.capture import Capture, random_capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.layouts import random_page
from ecgpipe.synth.page import draw_page
from examples.any_page_report import report

SEED = 71_000  # no data set and no training starts from it
FS_HZ = 500
KIT_SHARE = 0.1  # of pages
SAME_SCALE = 0.03  # share by which a speed or a gain may differ


@dataclass(frozen=True)
class Page:
    """A simulated page: its picture with the true map, its layout, and what was recorded, (12, 5000) in mV."""

    picture: Capture
    layout: PageLayout
    series_mv: np.ndarray


@dataclass(frozen=True)
class Row:
    """What came of one page. `verdict` is right, refused, warned (read wrong, with a warning), silent (without one) or
    crashed; `reason` the refusal or the warnings."""

    seed: int
    index: int
    kind: str
    layout: str
    speed: float
    gain: float
    px_per_mm: float
    verdict: str
    found: str = ""
    leads_right: bool = False
    scales_right: bool = False
    snr_db: float = np.nan
    seconds: float = np.nan
    reason: str = ""


def make_page(seed: int, index: int) -> Page:
    """The page `index` of a seed, the same every time."""
    rng = np.random.default_rng([seed, index])
    layout, style, print_ = random_page(rng, kit_share=KIT_SHARE)
    series_mv = simulate(rng, fs_hz=FS_HZ)
    page = draw_page(series_mv, FS_HZ, style, layout, print_=print_)
    return Page(random_capture(page, layout, rng), layout, series_mv)


def measure(index: int, seed: int) -> Row:
    """Make page `index` and read it."""
    page = make_page(seed, index)
    layout, start = page.layout, time.perf_counter()
    row = partial(
        Row, seed, index, page.picture.kind, layout.name, layout.speed_mm_per_s, layout.gain_mm_per_mv, _scale(page)
    )
    try:
        read = _digitizer().digitize(page.picture.image)
    except EcgpipeError as error:
        return row("refused", reason=str(error), seconds=time.perf_counter() - start)
    except Exception as error:  # a benchmark goes on, and tells it
        return row("crashed", reason=f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - start
    leads, scales = leads_right(layout, read.traces.layout), scales_right(layout, read.traces.layout)
    right = leads and scales and layout.name == read.traces.layout.name
    return row(
        "right" if right else "warned" if read.warnings else "silent",
        found=read.traces.layout.name,
        leads_right=leads,
        scales_right=scales,
        snr_db=snr_db(page, read),
        seconds=seconds,
        reason="; ".join(read.warnings),
    )


def leads_right(truth: PageLayout, found: PageLayout) -> bool:
    """Whether every row of `found` shows the leads that it has in `truth`, from left to right."""
    return _leads(truth) == _leads(found)


def scales_right(truth: PageLayout, found: PageLayout) -> bool:
    """Whether speed and each lead's gain, upside down or not, are as in `truth`; leads that are not there are left
    out."""
    ratios = [found.speed_mm_per_s / truth.speed_mm_per_s]
    for lead in truth.lead_windows.keys() & found.lead_windows.keys():
        was, true = (page.gain_mm_per_mv * page.lead_windows[lead].gain_ratio for page in (found, truth))
        ratios.append(was / true)
    return all(abs(ratio - 1) < SAME_SCALE for ratio in ratios)


def snr_db(page: Page, read: Digitized) -> float:
    """SNR of the page: each lead's longest printed stretch, where the picture shows it, against what was read of it.

    A lead that was not read counts as 0 mV. Shifts of up to 0.2 s and offsets are granted, as by the competition.
    """
    truth, prediction = {}, {}
    for lead, window in page.layout.lead_windows.items():
        true_mv = page.series_mv[LEADS.index(lead), page.layout.samples(window, round(page.layout.duration_s * FS_HZ))]
        t_s = window.start_s + np.arange(len(true_mv)) / FS_HZ
        points_mm = np.stack([page.layout.x_mm(window, t_s), page.layout.y_mm(window, true_mv)], axis=-1)
        points_px, size_px = page.picture.page_map.to_picture(points_mm), page.picture.image.shape[1::-1]
        seen = np.flatnonzero(((points_px >= 0) & (points_px < size_px)).all(axis=1))
        if not seen.size:
            continue
        shown = slice(seen[0], seen[-1] + 1)
        truth[lead] = true_mv[shown]
        prediction[lead] = np.nan_to_num(_stretch(lead, read, len(true_mv))[shown])
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(image_snr(truth, prediction, FS_HZ)))


def _stretch(lead: str, read: Digitized, samples: int) -> np.ndarray:
    """The first `samples` of the longest window of a lead as it was read, (samples,) in mV, NaN where there is none."""
    stretch, layout = np.full(samples, np.nan), read.traces.layout
    if lead in layout.lead_windows:
        row_mv = read.series_mv[LEADS.index(lead)]
        found = row_mv[layout.samples(layout.lead_windows[lead], len(row_mv))][:samples]
        stretch[: len(found)] = found
    return stretch


def _leads(layout: PageLayout) -> list[list[str]]:
    return [[window.lead for window in layout.row_windows(row)] for row in range(layout.rows)]


def _scale(page: Page) -> float:
    """Picture pixels to a mm, in the page's middle."""
    middle = np.array(page.layout.size_mm) / 2
    ends = page.picture.page_map.to_picture(middle + np.array([[-10.0, 0.0], [10.0, 0.0]]))
    return round(float(np.linalg.norm(ends[1] - ends[0])) / 20, 2)


@cache
def _digitizer() -> Digitizer:
    return Digitizer()


def run(path: Path, indices: Iterable[int], seed: int, workers: int) -> None:
    """Append the rows of those pages of `seed` that `path` has not yet."""
    done = set()
    if path.is_file() and path.stat().st_size:
        table = pd.read_csv(path)
        done = set(table.loc[table["seed"] == seed, "index"])
    todo = [index for index in indices if index not in done]
    with path.open("a", newline="") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(Row)])
        if not out.tell():
            writer.writeheader()
        for row in track(map_processes(partial(measure, seed=seed), todo, workers), "pages", total=len(todo)):
            writer.writerow(asdict(row))
            out.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="table to append to")
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--wrong", type=Path, metavar="DIR", help="save the pictures of pages that were read wrong")
    args = parser.parse_args()
    run(args.output, range(args.pages), args.seed, args.workers)
    table = pd.read_csv(args.output, keep_default_na=True).query("seed == @args.seed and index < @args.pages")
    report(table)
    if args.wrong:
        args.wrong.mkdir(parents=True, exist_ok=True)
        for index in table.loc[table["verdict"].isin(["warned", "silent", "crashed"]), "index"]:
            save_picture(args.wrong / f"{args.seed}-{index}.png", make_page(args.seed, index).picture.image)


if __name__ == "__main__":
    main()
