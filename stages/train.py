"""train: the reader's weights, fine-tuned on every frame."""

from pathlib import Path

from ecgpipe.competition.dataset import Dataset
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.pipeline.samples import StoredFrames, rectified_pages
from ecgpipe.pipeline.train import FineTune
from stages import run, write_metrics

RAW = "data/raw"
FRAMES = "data/frames"
WEIGHTS = Path("models/trace.safetensors")
METRICS = "metrics/train.json"
PLOTS = Path("plots/train")


def main() -> None:
    params = load_params()
    spec = FrameSpec(raster=Raster(params.preprocess.px_per_s, params.preprocess.px_per_mv))
    pages = rectified_pages(FRAMES)
    fine_tune = FineTune(spec, params.model, params.loss, params.train)
    scores, history = fine_tune(StoredFrames(pages, FRAMES, Dataset(RAW), spec), WEIGHTS)
    plots.loss_curve(PLOTS / "loss", history)
    write_metrics(METRICS, {"pages": len(pages), "steps": params.train.steps, **scores})


if __name__ == "__main__":
    run(main)
