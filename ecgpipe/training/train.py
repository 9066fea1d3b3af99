"""Fine-tune the reader on stored frames."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytorch_lightning as pl
from torch import nn

from ecgpipe import params
from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.architectures import build_model, trained_model
from ecgpipe.training.data import Augmentation, Frames, TraceData
from ecgpipe.training.export import save_model
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from ecgpipe.training.machine import trainer_on
from ecgpipe.training.steps import last_losses, train_steps


def fit(
    train_frames: Frames,
    val_frames: Frames,
    *,
    frame: FrameSpec,
    model: params.Model,
    loss: params.Loss,
    train: params.Train,
    out_weights: Path,
    start_weights: Path | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> tuple[dict[str, float], pd.DataFrame]:
    """Train a reader, from `start_weights` or from nothing, and write it as `out_weights`; its scores and its losses.

    The sequences may read their frames when asked. The losses are a table of step, `loss` and each unweighted part of
    it, `loss_<part>`. The scores hold their means over the last tenth of the steps and, if there are `val_frames`, the
    median SNR in dB and error in px a strip, overall and by kind. ParamsError if this machine has no such hardware.
    """
    pl.seed_everything(train.seed, verbose=False)
    spec = StripSpec(frame, model.half_height_mv)
    network = start_network(model, spec, start_weights)
    module = TraceModule(
        network,
        CombinedLoss(**asdict(loss), px_per_mv=frame.raster.px_per_mv),
        learning_rate=train.learning_rate,
        freeze_norm=start_weights is not None,
    )

    def crops(devices: int) -> TraceData:
        return TraceData(
            train_frames,
            val_frames,
            spec=spec,
            crop_columns=train.crop_columns,
            batch_size=train.batch_size,
            steps=train.steps * devices,  # each takes its share of the crops
            seed=train.seed,
            augmentation=Augmentation(train.flip_share, train.colour_strength),
            workers=train.workers,
        )

    history = train_steps(module, crops, train, callbacks)
    scores = last_losses(history)
    if len(val_frames):
        one = replace(train, devices=1, nodes=1)
        scorer = trainer_on(one, logger=False, enable_progress_bar=False, enable_checkpointing=False)
        scores |= scorer.validate(module, crops(1).val_dataloader(), verbose=False)[0]
    about = {"train": asdict(train), "loss": asdict(loss), "scores": scores}
    save_model(out_weights, network, architecture=model.architecture, size=model.size, spec=spec, about=about)
    return scores, history


def start_network(model: params.Model, spec: StripSpec, weights: Path | None) -> nn.Module:
    """The network that `weights` hold, or an untrained one; ParamsError if they are of another network or raster."""
    if weights is None:
        return build_model(model.architecture, model.size, spec.samples_per_px)
    loaded = load_weights(weights)
    if (loaded.architecture, loaded.size, loaded.spec) != (model.architecture, model.size, spec):
        raise ParamsError(
            f"model: a {model.size} {model.architecture} on {spec} does not match {weights}, which holds a "
            f"{loaded.size} {loaded.architecture} on {loaded.spec}; "
            "change model and preprocess to match, or train from nothing with train.weights: none"
        )
    return trained_model(loaded).train()
