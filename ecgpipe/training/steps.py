"""A training of so many steps on this machine, and its losses."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger
from torch.utils.data import DataLoader

from ecgpipe.training.machine import Machine, trainer_on

LAST_SHARE = 0.1  # of the steps: a single step's losses are those of a few items


class Schedule(Machine, Protocol):
    """The parameters of a training that say for how many steps, and where to compute."""

    @property
    def steps(self) -> int: ...


def train_steps(
    module: pl.LightningModule,
    data_for: Callable[[int], pl.LightningDataModule | DataLoader],
    schedule: Schedule,
    callbacks: Sequence[pl.Callback] = (),
) -> pd.DataFrame:
    """Train `module` once through the data, which `data_for` makes for a number of devices; its losses by step.

    They are a table of step, `loss` and each unweighted part of it, `loss_<part>`, as the module logs them; no row
    without a step. ParamsError if this machine has no such hardware.
    """
    with tempfile.TemporaryDirectory() as log_dir:
        trainer = trainer_on(
            schedule,
            # for several devices, the only strategy that a program may use more than once
            strategy="auto" if schedule.devices == schedule.nodes == 1 else "ddp_spawn",
            max_steps=schedule.steps,
            max_epochs=1,
            logger=CSVLogger(log_dir, name="", version=""),
            log_every_n_steps=1,
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=False,
            limit_val_batches=0,
        )
        if schedule.steps:
            trainer.fit(module, data_for(trainer.world_size))
        return _history(Path(log_dir) / "metrics.csv")


def last_losses(history: pd.DataFrame) -> dict[str, float]:
    """Means of the losses of `train_steps` over the last tenth of the steps; nothing without a step."""
    if history.empty:
        return {}
    last = history.tail(max(1, round(LAST_SHARE * len(history)))).drop(columns="step")
    return {name: float(value) for name, value in last.mean().items()}


def _history(path: Path) -> pd.DataFrame:
    """The columns step, loss and each part of the loss that Lightning's CSV logger wrote."""
    if not path.is_file():
        return pd.DataFrame({"step": [], "loss": []})
    table = pd.read_csv(path)
    return table[["step", *sorted(name for name in table if name.startswith("loss"))]].dropna()
