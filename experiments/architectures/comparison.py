"""Architectures compared at equal data and equal processor time, from nothing.

python -m experiments.architectures [--signals FILE]  train what is not trained yet, score, write docs/architectures.md

A command that was stopped goes on where it was: trainings from their last checkpoint, scores way by way.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch

from ecgpipe.trace.network import Network
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.architectures import build_model
from ecgpipe.training.diffusion.completion import Completer
from ecgpipe.training.diffusion.denoiser import Denoiser
from ecgpipe.training.diffusion.training import DenoisingModule
from ecgpipe.training.export import save_model
from ecgpipe.training.lightning import TraceModule
from ecgpipe.training.losses import CombinedLoss
from experiments.architectures.budget import Training
from experiments.architectures.readings import ReadingBatches, make_readings
from experiments.architectures.report import Arm, write_report
from experiments.architectures.scores import Way, diffusion, interpolation, interpolation_error_mv, reader, scored
from experiments.architectures.strips import SPEC, CropBatches, StripSet, strip_set
from pretrain.pages import Signals

ROOT = Path(__file__).parents[2]
WORK = ROOT / "scratch" / "architectures"
HELD_OUT_RECORDS = 200
READER_SHARE = 0.5  # of the time of U-Net and diffusion together that the U-Net gets
READING_SHARE = 0.3  # of the diffusion's time that goes into the readings it is trained on
ROUNDS = 4  # in which the readers take turns
SIZE = "tiny"  # what minutes of a CPU can train
COLUMNS, BATCH_SIZE, LEARNING_RATE = 320, 4, 2e-3
ROWS, DIFFUSION_RATE = 8, 2e-3  # in a batch of the diffusion


class Reader(NamedTuple):
    """A way of reading by its `title`: an `architecture` that is trained for a `share` of the time."""

    title: str
    architecture: str
    share: float = 1.0


READERS = {
    "unet": Reader("U-Net", "unet"),
    "transformer": Reader("transformer", "transformer"),
    "unet_short": Reader("U-Net, half the time", "unet", READER_SHARE),
}
BEHIND = "unet_short"  # of the readers the one whose readings the diffusion completes


def reader_module(architecture: str) -> TraceModule:
    """An untrained reader; of the losses the one that asks for a distribution, and so for an honest spread."""
    pl.seed_everything(1, verbose=False)
    loss = CombinedLoss(column_weight=1.0, px_per_mv=SPEC.frame.raster.px_per_mv)
    return TraceModule(build_model(architecture, SIZE, SPEC.samples_per_px), loss, learning_rate=LEARNING_RATE)


def diffusion_module() -> DenoisingModule:
    """An untrained denoiser."""
    pl.seed_everything(1, verbose=False)
    return DenoisingModule(Denoiser(), learning_rate=DIFFUSION_RATE)


def train_readers(strips: StripSet, work: Path, seconds: float) -> dict[str, Training]:
    """Train each reader for its share of `seconds`, all of them in `ROUNDS` rounds."""
    trainings = {name: Training(name, work / name, reader.share * seconds) for name, reader in READERS.items()}
    for part in range(1, ROUNDS + 1):
        for name, training in trainings.items():
            batches = CropBatches(strips, columns=COLUMNS, batch_size=BATCH_SIZE, seed=(1, training.steps))
            training.go_on(reader_module(READERS[name].architecture), batches, training.seconds * part / ROUNDS)
    return trainings


def train_diffusion(strips: StripSet, reading: Training, work: Path, seconds: float) -> Training:
    """Train the diffusion for `seconds`, those included in which the reader of `reading` makes its readings."""
    file = work / "readings.npz"
    network = reading.trained(reader_module(READERS[reading.title].architecture))
    spent = make_readings(file, network, strips, READING_SHARE * seconds)
    training = Training("diffusion", work / "diffusion", seconds, spent_before=spent)
    if training.spent_s < seconds:
        batches = ReadingBatches(file, batch_size=ROWS, seed=(2, training.steps))
        training.go_on(diffusion_module(), batches, seconds)
    return training


def network_of(training: Training) -> Network:
    """A trained reader as `ecgpipe digitize` runs it: its exported graph, kept beside the checkpoint."""
    architecture = READERS[training.title].architecture
    path = training.work / f"{training.steps}.safetensors"
    if not path.exists():
        model = training.trained(reader_module(architecture))
        about = {"steps": training.steps, "seconds": round(training.spent_s)}
        save_model(path, model, architecture=architecture, size=SIZE, spec=SPEC, about=about)
    return Network(load_weights(path))


def trained_completer(work: Path = WORK) -> Completer:
    """The diffusion that `python -m experiments.architectures` has trained in `work`."""
    denoiser = Training("diffusion", work / "diffusion", 0.0).trained(diffusion_module())
    assert isinstance(denoiser, Denoiser)
    return Completer(denoiser)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.architectures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--signals", type=Path, help="WFDB folder, or µV (N, 12, n) as .npy; else all are simulated")
    parser.add_argument("--minutes", type=float, default=8.0, help="of processor time for each way of reading")
    parser.add_argument("--pages", type=int, default=480, help="to train on")
    parser.add_argument("--test-pages", type=int, default=30, help="to score on, of other records")
    parser.add_argument("--work", type=Path, default=WORK, help="pages, checkpoints and scores")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "architectures.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    signals, held_out = Signals.read(args.signals, args.work).split(HELD_OUT_RECORDS)
    strips = strip_set(args.work / f"pages_{args.pages}", signals, args.pages, 1)
    test = strip_set(args.work / f"test_pages_{args.test_pages}", held_out, args.test_pages, 2)
    seconds = 60 * args.minutes
    trainings = train_readers(strips, args.work, seconds)
    last = train_diffusion(strips, trainings[BEHIND], args.work, seconds * (1 - READER_SHARE))
    line_mv = interpolation_error_mv(strips)
    ways: dict[str, tuple[Way, list[Training]]] = {}
    for name, training in trainings.items():
        title, way = READERS[name].title, reader(name, network_of(training))
        ways[title] = way, [training]
        ways[f"{title}, straight lines"] = interpolation(f"{name}_lines", way, line_mv), [training]
        if name == BEHIND:
            completed = diffusion("diffusion", way, trained_completer(args.work))
            ways[f"{title}, diffusion"] = completed, [training, last]
    arms = []
    for title, (way, of) in ways.items():
        folder = args.work / "scores" / f"{way.name}_{'_'.join(str(t.steps) for t in of)}_{args.test_pages}"
        arms.append(Arm(title, of, scored(way, test, folder)))
    write_report(args.output, arms, pages=args.pages, test_pages=args.test_pages, line_mv=line_mv)
