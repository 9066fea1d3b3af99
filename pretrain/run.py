"""What every long training shares: its clock, its checkpoints, its averaged weights and what it cost."""

import argparse
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ecgpipe import params
from ecgpipe.base.errors import EcgpipeError
from ecgpipe.training.machine import device_name, device_type, trainer_on
from ecgpipe.training.progress import ShowProgress

C = TypeVar("C")

HERE = Path(__file__).parent
SEEDS_A_DEVICE = 2**24  # more than a training has steps
SIGNALS = "PTB-XL 1.0.3 at 500 Hz (CC BY 4.0, doi:10.13026/kfzx-aw45) and ecgpipe.synth.ecg.simulate"


@dataclass(frozen=True, kw_only=True)
class Long:
    """What the blocks of pretrain/params.yaml have in common."""

    seed: int
    minutes: float = params.number(above=0)
    max_steps: int = params.number(at_least=1)
    batch_size: int = params.number(at_least=1)
    learning_rate: float = params.number(above=0)
    pool_pages: int = params.number(at_least=1)
    workers: int = params.number(at_least=1)
    threads: int = params.number(at_least=1)
    held_out_records: int = params.number(at_least=0)
    validation_pages: int = params.number(at_least=1)
    validate_every_minutes: float = params.number(above=0)
    checkpoint_every_minutes: float = params.number(above=0)
    average_decay: float = params.number(at_least=0, at_most=1)
    precision: params.Precision
    accelerator: params.Accelerator
    devices: int = params.number(at_least=-1)
    nodes: int = params.number(at_least=1)


class Machines(pl.Callback):
    """Remembers, through every restart, what a training was done on: device, precision and page makers."""

    def __init__(self, workers: int):
        self.workers = workers
        self.names: list[str] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        one = f"{device_name(pl_module.device)}, {trainer.precision}, {self.workers} page makers"
        name = one if trainer.world_size == 1 else f"{trainer.world_size} x {one}"
        if name not in self.names:
            self.names.append(name)

    def state_dict(self) -> dict[str, Any]:
        return {"names": self.names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.names = list(state_dict["names"])


@dataclass(frozen=True)
class Run:
    """A training that goes on from `checkpoint` if it is there; its data are drawn with `seed`."""

    trainer: pl.Trainer
    checkpoint: Path
    seed: int
    device: str

    @staticmethod
    def begun(long: Long, work: Path, title: str) -> "Run":
        """A training as `long` says; losses and scores go to `work`/from_step_N/.

        The checkpoint may have been made on another device and in another precision.
        """
        pl.seed_everything(long.seed, verbose=False)
        checkpoint = work / "last.ckpt"
        # A restart draws new pages: the stream's seed moves on with the steps done so far.
        done = load_checkpoint(work)["global_step"] if checkpoint.exists() else 0
        device = device_type(long.accelerator)
        trainer = trainer_on(
            long,
            max_steps=long.max_steps,
            max_time=timedelta(minutes=long.minutes),
            gradient_clip_val=1.0,
            benchmark=True,  # a GPU tries its ways to convolve: inputs are of few shapes
            use_distributed_sampler=False,  # each device makes its own pages, and validates them all
            val_check_interval=timedelta(minutes=long.validate_every_minutes),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            logger=CSVLogger(work, name="", version=f"from_step_{done}", flush_logs_every_n_steps=20),
            callbacks=[
                WeightAveraging(device, avg_fn=running_mean(long.average_decay)),  # elsewhere every step waits for it
                ShowProgress(title),
                Machines(long.workers),
                ModelCheckpoint(
                    work,
                    filename="last",
                    train_time_interval=timedelta(minutes=long.checkpoint_every_minutes),
                    enable_version_counter=False,
                ),
            ],
            enable_progress_bar=False,
        )
        if device == "cpu":
            torch.set_num_threads(long.threads)
        return Run(trainer, checkpoint, long.seed + done + SEEDS_A_DEVICE * trainer.global_rank, device)

    def fit(self, module: pl.LightningModule, batches: IterableDataset, validation: Sequence[object]) -> pl.Trainer:
        """Train `module` on endless `batches`, validating it on whole `validation` items, and keep the checkpoint."""
        self.trainer.fit(
            module,
            DataLoader(batches, batch_size=None, pin_memory=self.device == "cuda"),
            DataLoader(cast(Dataset, validation), batch_size=None),
            ckpt_path=self.checkpoint if self.checkpoint.exists() else None,
        )
        self.trainer.save_checkpoint(self.checkpoint)
        return self.trainer


def running_mean(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """How weights are averaged over the steps: exponentially, but at first over few steps, or a short training would
    keep a share of what it began with."""

    def average(mean: Tensor, now: Tensor, count: Tensor) -> Tensor:
        if not now.is_floating_point():
            return now
        share = torch.clamp((1 + count) / (10 + count), max=decay).to(now)
        return mean + (1 - share) * (now - mean)

    return average


def load_checkpoint(work: Path) -> dict[str, Any]:
    """`work`/last.ckpt in this machine's memory, whatever device it was made on."""
    return torch.load(work / "last.ckpt", weights_only=True, mmap=True, map_location="cpu")


def cost(state: dict[str, Any]) -> dict[str, Any]:
    """What a card tells of a checkpoint's training: steps, hours, devices, commit."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    return {
        "steps": state["global_step"],
        "hours": round(state["callbacks"]["Timer"]["time_elapsed"]["train"] / 3600, 2),
        "device": "; then ".join(state["callbacks"].get("Machines", {"names": ["unknown"]})["names"]),
        "commit": commit,
    }


def last_scores(work: Path, *names: str) -> dict[str, float]:
    """The newest validation's figures whose names begin with one of `names`; empty before the first."""
    logs = pd.concat([pd.DataFrame({"step": []}), *(pd.read_csv(path) for path in work.glob("*/metrics.csv"))])
    columns = [name for name in logs if name.startswith(names)]
    validations = logs.sort_values("step").dropna(subset=columns, how="all") if columns else logs[:0]
    return {} if validations.empty else {name: round(float(validations[name].iloc[-1]), 3) for name in columns}


def run_command(
    about: str,
    name: str,
    config_class: type[C],
    train: Callable[[C, Path | None, Path], pl.Trainer],
    export: Callable[[C, Path, Path], None],
) -> None:
    """The command `python -m pretrain.NAME`: train, or go on, and write the weights; `about` is its help.

    `train` takes the parameters, the signals that were given and the folder of the work; `export` the parameters, that
    folder and the file to write.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=Path, help="WFDB folder, or µV (N, 12, n) as .npy; else params.yaml's")
    parser.add_argument("--params", type=Path, default=HERE / "params.yaml")
    parser.add_argument("--work", type=Path, default=HERE.parent / "scratch" / name, help="checkpoints and logs")
    parser.add_argument("--out", type=Path, default=HERE.parent / "ecgpipe" / "weights" / f"{name}.safetensors")
    parser.add_argument("--export", action="store_true", help="write the last checkpoint's weights and stop")
    args = parser.parse_args()
    config = params.load_dataclass(config_class, args.params)
    try:
        if args.export or train(config, args.signals, args.work).is_global_zero:  # one of several processes
            export(config, args.work, args.out)
    except EcgpipeError as error:
        parser.exit(1, f"error: {error}\n")
