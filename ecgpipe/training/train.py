"""Fine-tune the reader on stored frames."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger
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

LAST_SHARE = 0.1  # of the steps: a single step's losses are those of a few crops


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
    with tempfile.TemporaryDirectory() as log_dir:
        trainer = trainer_on(
            train,
            # for several devices, the only strategy that a program may use more than once
            strategy="auto" if train.devices == train.nodes == 1 else "ddp_spawn",
            max_steps=train.steps,
            max_epochs=1,
            logger=CSVLogger(log_dir, name="", version=""),
            log_every_n_steps=1,
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=False,
            limit_val_batches=0,
        )
        data = TraceData(
            train_frames,
            val_frames,
            spec=spec,
            crop_columns=train.crop_columns,
            batch_size=train.batch_size,
            steps=train.steps * trainer.world_size,  # each device takes its share of the crops
            seed=train.seed,
            augmentation=Augmentation(train.flip_share, train.colour_strength),
            workers=train.workers,
        )
        if train.steps:
            trainer.fit(module, data)
        history = _history(Path(log_dir) / "metrics.csv")
    last = history.tail(max(1, round(LAST_SHARE * len(history)))).drop(columns="step")
    scores = {name: float(value) for name, value in last.mean().items()} if train.steps else {}
    if len(val_frames):
        one = replace(train, devices=1, nodes=1)
        scorer = trainer_on(one, logger=False, enable_progress_bar=False, enable_checkpointing=False)
        scores |= scorer.validate(module, data.val_dataloader(), verbose=False)[0]
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
            f"model: {model.size} {model.architecture} on {spec} does not match {weights}, which holds {loaded.size} "
            f"{loaded.architecture} on {loaded.spec}; "
            "change model and preprocess to match, or train from nothing with train.weights: none"
        )
    return trained_model(loaded).train()


def _history(path: Path) -> pd.DataFrame:
    """The columns step, loss and each part of the loss that Lightning's CSV logger wrote."""
    if not path.is_file():
        return pd.DataFrame({"step": [], "loss": []})
    table = pd.read_csv(path)
    return table[["step", *sorted(name for name in table if name.startswith("loss"))]].dropna()
