"""Training for so many seconds of processor time, in rounds, so that trainings which are compared take turns on a
machine that others use too."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Timer, WeightAveraging
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from ecgpipe.params import Accelerator, Precision
from ecgpipe.training.lightning import OneCycleModule
from ecgpipe.training.machine import trainer_on
from ecgpipe.training.progress import ShowProgress
from pretrain.run import load_checkpoint, running_mean

AVERAGE_DECAY = 0.99  # of the weights that are kept
SAVE_EVERY_S = 60.0


@dataclass(frozen=True)
class OneProcess:
    """Where the comparison computes, as `training.machine` takes it."""

    precision: Precision = "auto"
    accelerator: Accelerator = "cpu"
    devices: int = 1
    nodes: int = 1


class ProcessorTimer(Timer):
    """Counts this process's processor seconds, of all its threads, against `seconds` in all; stops at `until_s` of them
    and keeps `checkpoint` as it goes."""

    def __init__(self, seconds: float, until_s: float, checkpoint: Path, spent_before: float = 0.0):
        super().__init__(duration=timedelta(seconds=seconds), verbose=False)
        self.until_s, self.checkpoint = until_s, checkpoint
        self._before, self._started, self._saved = spent_before, time.process_time(), 0.0

    def time_elapsed(self, stage: str = "train") -> float:
        return self._before + time.process_time() - self._started

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before, self._started = state_dict["time_elapsed"]["train"], time.process_time()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved = self.time_elapsed()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pass

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        stop = self.time_elapsed() >= self.until_s
        if stop or self.time_elapsed() - self._saved > SAVE_EVERY_S:
            trainer.save_checkpoint(self.checkpoint)  # before averaged weights take the place of those in training
            self._saved = self.time_elapsed()
        trainer.should_stop = trainer.should_stop or stop


@dataclass(frozen=True)
class Training:
    """A training called `title` of `seconds` of processor time, kept in `work`; `spent_before` of them on its data."""

    title: str
    work: Path
    seconds: float
    spent_before: float = 0.0

    @property
    def checkpoint(self) -> Path:
        return self.work / "last.ckpt"

    @property
    def steps(self) -> int:
        return load_checkpoint(self.work)["global_step"] if self.checkpoint.exists() else 0

    @property
    def spent_s(self) -> float:
        """Processor seconds until now."""
        if not self.checkpoint.exists():
            return self.spent_before
        return load_checkpoint(self.work)["callbacks"]["ProcessorTimer"]["time_elapsed"]["train"]

    def go_on(self, module: OneCycleModule, batches: IterableDataset, until_s: float) -> None:
        """Train `module` up to `until_s` seconds, from where a former call or a killed one stopped."""
        if self.spent_s >= until_s:
            return
        self.work.mkdir(parents=True, exist_ok=True)
        trainer = trainer_on(
            OneProcess(),
            max_steps=-1,
            max_epochs=1,
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            callbacks=[
                WeightAveraging("cpu", avg_fn=running_mean(AVERAGE_DECAY)),
                ShowProgress(self.title, every_s=30.0),
                ProcessorTimer(self.seconds, until_s, self.checkpoint, self.spent_before),
            ],
        )
        trainer.fit(
            module,
            DataLoader(batches, batch_size=None),
            ckpt_path=self.checkpoint if self.checkpoint.exists() else None,
            weights_only=True,
        )

    def trained(self, module: OneCycleModule) -> nn.Module:
        """The averaged weights of the last checkpoint, as `module.model` in evaluation mode."""
        module.load_state_dict(load_checkpoint(self.work)["state_dict"])
        return module.model.eval()
