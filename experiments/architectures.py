"""Architectures compared at equal data and equal processor time, from nothing.

python -m experiments.architectures [--signals FILE]  train what is not trained yet, score, write docs/architectures.md
"""

import argparse
from pathlib import Path

import pytorch_lightning as pl

from ecgpipe.training.architectures import build_model
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from experiments.budget import Training, threads
from experiments.strips import SPEC, CropBatches, StripSet, strip_set
from pretrain.pages import Signals

ROOT = Path(__file__).parents[1]
HELD_OUT_RECORDS = 200
READER_SHARE = 2 / 3  # of the time of U-Net and diffusion together that the U-Net gets
ROUNDS = 4  # in which the readers take turns
COLUMNS, BATCH_SIZE, LEARNING_RATE = 320, 8, 1e-3
READERS = {"unet": ("unet", 1.0), "transformer": ("transformer", 1.0), "unet_short": ("unet", READER_SHARE)}


def reader_module(architecture: str) -> TraceModule:
    """An untrained reader with the losses that the shipped one was trained with."""
    pl.seed_everything(1, verbose=False)
    loss = CombinedLoss(mae_weight=2.0, snr_weight=((0.0, 0.3), (0.5, 0.5)), px_per_mv=SPEC.frame.raster.px_per_mv)
    return TraceModule(build_model(architecture, "small", SPEC.samples_per_px), loss, learning_rate=LEARNING_RATE)


def train_readers(strips: StripSet, work: Path, seconds: float) -> dict[str, Training]:
    """Train each reader for its share of `seconds`, all of them in `ROUNDS` rounds."""
    trainings = {name: Training(name, work / name, share * seconds) for name, (_, share) in READERS.items()}
    for part in range(1, ROUNDS + 1):
        for name, training in trainings.items():
            batches = CropBatches(strips, columns=COLUMNS, batch_size=BATCH_SIZE, seed=(1, training.steps))
            training.go_on(reader_module(READERS[name][0]), batches, training.seconds * part / ROUNDS)
    return trainings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=Path, help="WFDB folder, or µV (N, 12, n) as .npy; else all are simulated")
    parser.add_argument("--minutes", type=float, default=12.0, help="of processor time for each")
    parser.add_argument("--pages", type=int, default=480, help="to train on")
    parser.add_argument("--test-pages", type=int, default=60, help="to score on, of other records")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=ROOT / "scratch" / "architectures")
    args = parser.parse_args()
    threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    signals, held_out = Signals.read(args.signals, args.work).split(HELD_OUT_RECORDS)
    strips = strip_set(args.work / f"pages_{args.pages}", signals, args.pages, 1)
    strip_set(args.work / f"test_pages_{args.test_pages}", held_out, args.test_pages, 2)
    train_readers(strips, args.work, 60 * args.minutes)


if __name__ == "__main__":
    main()
