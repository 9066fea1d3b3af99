"""The long training of the network that finds a page's layout: sheets made on the fly, resumable.

python -m pretrain.marks [--signals FOLDER]  train, or go on where a stopped training was
python -m pretrain.marks --export            only write the weights of the last checkpoint
"""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from ecgpipe.recognize.marks import CHANNELS, END, GAINS, MEASURES, NAMES, PULSE, SPEEDS, START, marks_of
from ecgpipe.training.architectures import to_input
from ecgpipe.training.export import save_marks
from ecgpipe.training.lightning import OneCycleModule
from ecgpipe.training.marks import MarksNet, marks_loss
from pretrain.canvases import CanvasStream, SheetStream, make_canvases
from pretrain.pages import Signals
from pretrain.run import SIGNALS, Run, cost, last_scores, load_checkpoint, run_command
from pretrain.trace import Pretrain

VALIDATION_SEED = 2**21
KINDS = {"names": NAMES, "scales": (*SPEEDS, *GAINS), PULSE: (PULSE,), START: (START,), END: (END,)}
NEAR_CELLS = 2.5  # from a mark within which it counts as found
LIKELY = 0.4  # probability from which it counts


class Canvas(NamedTuple):
    """One canvas for validation: `image` (H, W, 3) uint8 and its `heat` (CHANNELS, h, w)."""

    image: np.ndarray
    heat: np.ndarray


class MarksModule(OneCycleModule):
    """Trains the network; validation logs by kind of mark the share found (`recall`) and the share of those seen that
    are there (`precision`)."""

    def __init__(self, learning_rate: float):
        super().__init__(MarksNet().to(memory_format=torch.channels_last), learning_rate)  # type: ignore[call-overload]
        self._counts: Counter[tuple[str, str]] = Counter()

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        images, heat, measures = batch
        seen, measured = marks_loss(self.model(to_input(images)), heat.float(), measures.float())
        loss = seen + 0.5 * measured
        self.log_dict({"loss": loss.detach(), "loss_heat": seen.detach(), "loss_measures": measured.detach()})
        return loss

    def validation_step(self, canvas: Canvas, batch_idx: int) -> None:
        maps = self.model(to_input(torch.as_tensor(canvas.image)[None]))[0].float().cpu().numpy()
        found = marks_of(maps[: len(CHANNELS)], maps[-len(MEASURES) :])
        there = np.asarray(torch.as_tensor(canvas.heat).float().cpu()) > 0.99
        for kind, channels in KINDS.items():
            for channel in channels:
                true = np.argwhere(there[CHANNELS.index(channel)])[:, ::-1] + 0.5
                seen = np.array([(m.x_mm, m.y_mm) for m in found.of(channel) if m.probability >= LIKELY]).reshape(-1, 2)
                near = np.linalg.norm(true[:, None] - seen[None], axis=-1) < NEAR_CELLS
                self._counts[kind, "true"] += len(true)
                self._counts[kind, "seen"] += len(seen)
                self._counts[kind, "found"] += int(near.any(axis=1).sum())
                self._counts[kind, "right"] += int(near.any(axis=0).sum())

    def on_validation_epoch_end(self) -> None:
        for kind in KINDS:
            for figure, share, of in (("recall", "found", "true"), ("precision", "right", "seen")):
                self.log(f"{figure}_{kind}", self._counts[kind, share] / max(self._counts[kind, of], 1))
        self._counts.clear()


def train(config: Pretrain, signals: Signals, work: Path) -> pl.Trainer:
    """Train, going on from `work`/last.ckpt if it is there."""
    marks = config.marks
    training, held_out = signals.split(marks.held_out_records)
    run = Run.begun(marks, work, "pretrain marks")
    canvases = CanvasStream(
        SheetStream(training, canvases_per_page=marks.canvases_per_page, seed=run.seed),
        batch_size=marks.batch_size,
        pool_pages=marks.pool_pages,
        uses=marks.uses,
        workers=marks.workers,
    )
    return run.fit(MarksModule(marks.learning_rate), canvases, held_out_canvases(held_out, marks.validation_pages))


def held_out_canvases(signals: Signals, count: int) -> list[Canvas]:
    """The same `count` canvases every time, each of another page."""
    rng = np.random.default_rng(VALIDATION_SEED)
    made = (make_canvases(signals, rng, 1) for _ in range(count))
    return [Canvas(page.images[0], page.heat[0]) for page in made]


def export(config: Pretrain, work: Path, out: Path) -> None:
    """Write the averaged weights of `work`/last.ckpt to `out`, with a card."""
    state = load_checkpoint(work)
    module = MarksModule(config.marks.learning_rate)
    module.load_state_dict(state["state_dict"])
    about = {
        "data": "sheets of pages of all layouts, printed and pictured by ecgpipe.synth",
        "signals": SIGNALS,
        "canvases": state["global_step"] * config.marks.batch_size,
        "training": asdict(config.marks),
        "scores": last_scores(work, "recall", "precision"),
    } | cost(state)
    save_marks(out, module.model, about=about)


def main() -> None:
    run_command(
        __doc__ or "",
        "marks",
        Pretrain,
        lambda config, signals, work: train(config, Signals.read(signals or config.signals, work), work),
        export,
    )


if __name__ == "__main__":
    main()
