"""The long training of the shipped trace reader: pages made on the fly, resumable, ended by steps or by the clock.

python -m pretrain.trace [--signals FOLDER]  train, or go on where a stopped training was
python -m pretrain.trace --export            only write the weights of the last checkpoint
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import pytorch_lightning as pl

from ecgpipe import params
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.export import save_model
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from ecgpipe.training.train import start_network
from pretrain.pages import CLOSE, LARGE, CropStream, PageStream, Signals, held_out_pages
from pretrain.run import SIGNALS, Long, Run, cost, last_scores, load_checkpoint, run_command

VALIDATION_SEED = 2**20


@dataclass(frozen=True, kw_only=True)
class Trace(Long):
    """The block `trace` of pretrain/params.yaml."""

    weights: str | None
    crops_per_page: int = params.number(at_least=1)
    kit_share: float = params.number(at_least=0, at_most=1)


@dataclass(frozen=True, kw_only=True)
class Marks(Long):
    """The block `marks` of pretrain/params.yaml."""

    canvases_per_page: int = params.number(at_least=1)
    uses: int = params.number(at_least=1)


@dataclass(frozen=True)
class Pretrain:
    """pretrain/params.yaml: what `pretrain.trace` and `pretrain.marks` are told."""

    raster: Raster
    model: params.Model
    loss: params.Loss
    signals: str | None
    trace: Trace
    marks: Marks


def train(config: Pretrain, signals: Signals, work: Path) -> pl.Trainer:
    """Train, going on from `work`/last.ckpt if it is there; losses and scores go to `work`/from_step_N/.

    The checkpoint may have been made on another device and in another precision.
    """
    trace, spec = config.trace, strip_spec(config)
    training, held_out = signals.split(trace.held_out_records)
    run = Run.begun(trace, work, "pretrain")
    crops = CropStream(
        PageStream(training, spec, crops_per_page=trace.crops_per_page, kit_share=trace.kit_share, seed=run.seed),
        batch_size=trace.batch_size,
        pool_pages=trace.pool_pages,
        workers=trace.workers,
    )
    validation = held_out_pages(held_out, spec, trace.validation_pages, VALIDATION_SEED)
    return run.fit(build_module(config), crops, validation)


def strip_spec(config: Pretrain) -> StripSpec:
    return StripSpec(FrameSpec(raster=config.raster), config.model.half_height_mv)


def build_module(config: Pretrain) -> TraceModule:
    spec = strip_spec(config)
    return TraceModule(
        start_network(config.model, spec, Path(config.trace.weights) if config.trace.weights else None),
        CombinedLoss(**asdict(config.loss), px_per_mv=config.raster.px_per_mv),
        learning_rate=config.trace.learning_rate,
    )


def export(config: Pretrain, work: Path, out: Path) -> None:
    """Write the averaged weights of `work`/last.ckpt to `out`, with a card."""
    state = load_checkpoint(work)
    module = build_module(config)
    module.load_state_dict(state["state_dict"])
    start = Path(config.trace.weights) if config.trace.weights else None
    about = {
        "started_from": f"{start.name}, sha256 {load_weights(start).sha256['tensors']}" if start else "nothing",
        "data": "pages of the kit's and all other layouts, printed and pictured by ecgpipe.synth",
        "signals": SIGNALS,
        "crops": state["global_step"] * config.trace.batch_size,
        "training": asdict(config.trace) | asdict(config.loss),
        "scores": last_scores(work, "snr_db", "error_px"),
        "low_half_height_mv": CLOSE[0] / 2 / config.raster.px_per_mv,
        "tall_half_height_mv": LARGE[0] / 2 / config.raster.px_per_mv,
    } | cost(state)
    model = config.model
    save_model(
        out, module.model, architecture=model.architecture, size=model.size, spec=strip_spec(config), about=about
    )


def main() -> None:
    run_command(
        __doc__ or "",
        "trace",
        Pretrain,
        lambda config, signals, work: train(config, Signals.read(signals or config.signals, work), work),
        export,
    )


if __name__ == "__main__":
    main()
