"""Fine-tune the reader on stored frames."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger

from ecgpipe import params
from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import load_weights, save_weights
from ecgpipe.training.data import FrameSample, TraceData
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from ecgpipe.training.models import TraceNet, build_model, trained_model


def fit(
    train_frames: Sequence[FrameSample],
    val_frames: Sequence[FrameSample],
    *,
    frame: FrameSpec,
    model: params.Model,
    loss: params.Loss,
    train: params.Train,
    out_weights: Path,
    start_weights: Path | None = None,
    log_dir: Path | None = None,
) -> dict[str, float]:
    """Train a reader, from `start_weights` or from nothing, write it with a card to `out_weights`, return its scores.

    The sequences may read their frames when asked. The result holds the last loss and, if there are `val_frames`,
    the median SNR in dB and error in px a strip, overall and by kind. `log_dir` takes a CSV of the losses by step.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no lines about accelerators that are not there
    pl.seed_everything(train.seed, verbose=False)
    spec = StripSpec(frame, model.half_height_mv)
    network = start_network(model, spec, start_weights)
    module = TraceModule(
        network,
        CombinedLoss(**asdict(loss), px_per_mv=frame.raster.px_per_mv),
        learning_rate=train.learning_rate,
        freeze_norm=start_weights is not None,
    )
    data = TraceData(
        train_frames,
        val_frames,
        spec=spec,
        crop_columns=train.crop_columns,
        batch_size=train.batch_size,
        steps=train.steps,
        seed=train.seed,
        workers=train.workers,
    )
    trainer = pl.Trainer(
        max_steps=train.steps,
        max_epochs=1,
        precision="bf16-mixed",
        logger=CSVLogger(log_dir, name="", version="") if log_dir else False,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    scores: dict[str, float] = {}
    if train.steps:
        trainer.fit(module, data)
        scores["loss"] = float(trainer.callback_metrics["loss"])
    if len(val_frames):
        scorer = pl.Trainer(logger=False, enable_progress_bar=False, enable_checkpointing=False)
        scores |= scorer.validate(module, data.val_dataloader(), verbose=False)[0]
    about = {"train": asdict(train), "loss": asdict(loss), "scores": scores}
    save_weights(out_weights, network.tensors(), size=model.size, spec=spec, about=about)
    return scores


def start_network(model: params.Model, spec: StripSpec, weights: Path | None) -> TraceNet:
    """The network that `weights` hold, or an untrained one; ParamsError if they are of another size or raster."""
    if weights is None:
        return build_model(model.size, spec.samples_per_px)
    loaded = load_weights(weights)
    if (loaded.size, loaded.spec) != (model.size, spec):
        raise ParamsError(
            f"model: {model.size} on {spec} does not match {weights}, which holds {loaded.size} on {loaded.spec}; "
            "change model and preprocess to match, or train from nothing with train.weights: none"
        )
    return trained_model(loaded).train()
