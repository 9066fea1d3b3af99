"""preprocess: every training picture as a frame on the paper's millimetre grid."""

import shutil
import time
from functools import partial
from pathlib import Path

import pandas as pd
from rich.progress import track

from ecgpipe.competition.dataset import FULL_SET_PAGES, Dataset
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.pipeline.preprocess import (
    EXCLUDED,
    example_frames,
    forecast_from,
    kept_frames,
    page_metrics,
    rectify_records,
)
from ecgpipe.verify.suspects import read_excluded
from stages import run, write_metrics

RAW = Dataset("data/raw")
SUSPECTS = Path("data/suspects.csv")
FRAMES = Path("data/frames")
SCRATCH = Path("scratch/preprocess")
MAPS = Path("scratch/verify/maps")  # of pictures that verify has read
METRICS = "metrics/preprocess.json"
FIGURE = "plots/preprocess/frames.jpg"


def main() -> None:
    params = load_params()
    settings = params.preprocess
    spec = FrameSpec(raster=Raster(settings.px_per_s, settings.px_per_mv))
    records = [record.id for record in RAW.train_records()]
    frames_of = partial(
        rectify_records,
        RAW,
        folder=FRAMES,
        spec=spec,
        workers=settings.workers,
        kept=SCRATCH,
        maps=MAPS,
        excluded=read_excluded(SUSPECTS),
        jpeg_quality=settings.jpeg_quality,
    )
    shutil.rmtree(FRAMES, ignore_errors=True)  # what a run that was killed left half-written

    start = time.perf_counter()
    first = list(frames_of(records[: settings.workers]))
    forecast = forecast_from(first, FRAMES, time.perf_counter() - start)
    whole = forecast.scaled_to(sum(len(RAW.kinds_of(id_)) for id_ in records))
    print(f"{whole}; the competition's {forecast.scaled_to(FULL_SET_PAGES)}")
    whole.check(shutil.disk_usage(FRAMES).free)

    done = list(track(frames_of(records), "rectify", total=len(records)))
    kept_frames(SCRATCH).keep_only({record.key for record in done})
    pages = pd.concat([record.pages for record in done], ignore_index=True)
    pages.to_csv(FRAMES / "pages.csv", index=False, float_format="%.6g", lineterminator="\n")
    reused = sum(record.reused for record in done) - sum(not record.reused for record in first)
    counts = {"records": len(done), "records_reused": reused, "excluded": int((pages["status"] == EXCLUDED).sum())}
    write_metrics(METRICS, page_metrics(pages) | counts)
    plots.contact_sheet(FIGURE, example_frames(FRAMES, pages, spec))


if __name__ == "__main__":
    run(main)
