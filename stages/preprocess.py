"""preprocess: every training picture as a frame on the paper's millimetre grid."""

from pathlib import Path

import pandas as pd
from rich.progress import track

from ecgpipe import plots
from ecgpipe.competition import Dataset
from ecgpipe.geometry import FrameSpec
from ecgpipe.params import load_params
from ecgpipe.pipeline.preprocess import example_frames, page_metrics, rectify_records
from ecgpipe.pipeline.reuse import KeptFrames
from stages import run, write_metrics

RAW = Dataset("data/raw")
FRAMES = Path("data/frames")
SCRATCH = Path("scratch/preprocess")
METRICS = "metrics/preprocess.json"
FIGURE = "plots/preprocess/frames.jpg"


def main() -> None:
    params = load_params()
    spec = FrameSpec(params.preprocess.px_per_mm_x, params.preprocess.px_per_mm_y)
    records = [record.id for record in RAW.train_records()]
    work = rectify_records(RAW, records, FRAMES, spec, params.preprocess.workers, SCRATCH)
    done = list(track(work, "rectify", total=len(records)))
    KeptFrames(SCRATCH).keep_only({record.key for record in done})
    pages = pd.concat([record.pages for record in done], ignore_index=True)
    pages.to_csv(FRAMES / "pages.csv", index=False, float_format="%.6g", lineterminator="\n")
    reused = sum(record.reused for record in done)
    write_metrics(METRICS, page_metrics(pages) | {"records": len(done), "records_reused": reused})
    plots.contact_sheet(FIGURE, example_frames(FRAMES, pages))


if __name__ == "__main__":
    run(main)
