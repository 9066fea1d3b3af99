"""The long training of the shipped trace reader: pages made on the fly, resumable, ended by steps or by the clock.

python -m pretrain.trace [--signals FOLDER]  train, or go on where a stopped training was
python -m pretrain.trace --export            only write the weights of the last checkpoint
"""

import argparse
import subprocess
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch.utils.data import DataLoader, Dataset

from ecgpipe import params
from ecgpipe.base.errors import EcgpipeError
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import StripSpec
from ecgpipe.training.export import save_model
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from ecgpipe.training.machine import device_name, device_type, trainer_on
from ecgpipe.training.progress import ShowProgress
from ecgpipe.training.train import start_network
from pretrain.pages import CropStream, PageStream, Signals, held_out_pages

HERE = Path(__file__).parent
EXPORT = HERE.parent / "ecgpipe" / "weights" / "trace.safetensors"
VALIDATION_SEED = 2**20
SEEDS_A_DEVICE = 2**24  # more than a training has steps
SIGNALS = "PTB-XL 1.0.3 at 500 Hz (CC BY 4.0, doi:10.13026/kfzx-aw45) and ecgpipe.synth.ecg.simulate"


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The block `trace` of pretrain/params.yaml."""

    seed: int
    weights: str | None
    minutes: float = params.number(above=0)
    max_steps: int = params.number(at_least=1)
    batch_size: int = params.number(at_least=1)
    learning_rate: float = params.number(above=0)
    pool_pages: int = params.number(at_least=1)
    crops_per_page: int = params.number(at_least=1)
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


@dataclass(frozen=True)
class Pretrain:
    """pretrain/params.yaml."""

    raster: Raster
    model: params.Model
    loss: params.Loss
    signals: str | None
    trace: Trace


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


def train(config: Pretrain, signals: Signals, work: Path) -> pl.Trainer:
    """Train, going on from `work`/last.ckpt if it is there; losses and scores go to `work`/from_step_N/.

    The checkpoint may have been made on another device and in another precision.
    """
    pl.seed_everything(config.trace.seed, verbose=False)
    trace, spec = config.trace, strip_spec(config)
    checkpoint = work / "last.ckpt"
    training, held_out = signals.split(trace.held_out_records)
    # A restart draws new pages: the stream's seed moves on with the steps done so far.
    done = load_checkpoint(work)["global_step"] if checkpoint.exists() else 0
    device = device_type(trace.accelerator)
    trainer = trainer_on(
        trace,
        max_steps=trace.max_steps,
        max_time=timedelta(minutes=trace.minutes),
        gradient_clip_val=1.0,
        benchmark=True,  # a GPU tries its ways to convolve: crops are of few shapes
        use_distributed_sampler=False,  # each device makes its own pages, and validates them all
        val_check_interval=timedelta(minutes=trace.validate_every_minutes),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        logger=CSVLogger(work, name="", version=f"from_step_{done}", flush_logs_every_n_steps=20),
        callbacks=[
            EMAWeightAveraging(device, decay=trace.average_decay),  # elsewhere every step would wait for a copy
            ShowProgress("pretrain"),
            Machines(trace.workers),
            ModelCheckpoint(
                work,
                filename="last",
                train_time_interval=timedelta(minutes=trace.checkpoint_every_minutes),
                enable_version_counter=False,
            ),
        ],
        enable_progress_bar=False,
    )
    if device == "cpu":
        torch.set_num_threads(trace.threads)
    crops = CropStream(
        PageStream(
            training,
            spec,
            crops_per_page=trace.crops_per_page,
            seed=trace.seed + done + SEEDS_A_DEVICE * trainer.global_rank,
        ),
        batch_size=trace.batch_size,
        pool_pages=trace.pool_pages,
        workers=trace.workers,
    )
    validation = held_out_pages(held_out, spec, trace.validation_pages, VALIDATION_SEED)
    trainer.fit(
        build_module(config),
        DataLoader(crops, batch_size=None, pin_memory=device == "cuda"),
        DataLoader(cast(Dataset, validation), batch_size=None),
        ckpt_path=checkpoint if checkpoint.exists() else None,
    )
    trainer.save_checkpoint(checkpoint)
    return trainer


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
    about = {
        "data": "pages of the kit's and all other layouts, printed and pictured by ecgpipe.synth",
        "signals": SIGNALS,
        "steps": state["global_step"],
        "crops": state["global_step"] * config.trace.batch_size,
        "hours": round(state["callbacks"]["Timer"]["time_elapsed"]["train"] / 3600, 2),
        "device": "; then ".join(state["callbacks"].get("Machines", {"names": ["unknown"]})["names"]),
        "training": asdict(config.trace) | asdict(config.loss),
        "scores": last_scores(work),
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip(),
    }
    model = config.model
    save_model(
        out, module.model, architecture=model.architecture, size=model.size, spec=strip_spec(config), about=about
    )


def load_checkpoint(work: Path) -> dict[str, Any]:
    """`work`/last.ckpt in this machine's memory, whatever device it was made on."""
    return torch.load(work / "last.ckpt", weights_only=True, mmap=True, map_location="cpu")


def last_scores(work: Path) -> dict[str, float]:
    """The newest validation: median SNR in dB and error in px a strip, overall and by kind; empty before the first."""
    logs = pd.concat([pd.DataFrame({"step": []}), *(pd.read_csv(path) for path in work.glob("*/metrics.csv"))])
    columns = [name for name in logs if name.startswith(("snr_db", "error_px"))]
    validations = logs.sort_values("step").dropna(subset=columns, how="all") if columns else logs[:0]
    return {} if validations.empty else {name: round(float(validations[name].iloc[-1]), 3) for name in columns}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--signals",
        type=Path,
        help="WFDB folder, or µV (N, 12, n) as .npy; else params.yaml's",
    )
    parser.add_argument("--work", type=Path, default=HERE.parent / "scratch" / "trace", help="checkpoints and logs")
    parser.add_argument("--out", type=Path, default=EXPORT)
    parser.add_argument("--export", action="store_true", help="write the last checkpoint's weights and stop")
    args = parser.parse_args()
    config = params.load_dataclass(Pretrain, HERE / "params.yaml")
    try:
        first = (
            args.export
            or train(config, Signals.read(args.signals or config.signals, args.work), args.work).is_global_zero
        )
        if first:  # of several processes
            export(config, args.work, args.out)
    except EcgpipeError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
