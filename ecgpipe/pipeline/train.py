"""The fine-tune on stored frames, the same for the final weights and for each fold."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ecgpipe.page.geometry import FrameSpec
from ecgpipe.params import Loss, Model, Train
from ecgpipe.training.data import FrameSample
from ecgpipe.training.train import fit


@dataclass(frozen=True)
class FineTune:
    """How a reader is trained: the raster of its frames, its network, its loss, its schedule."""

    frame: FrameSpec
    model: Model
    loss: Loss
    train: Train

    @property
    def start_weights(self) -> Path | None:
        """The weights to start from, None to train from nothing (`train.weights: none`)."""
        return None if self.train.weights == "none" else Path(self.train.weights)

    def __call__(self, samples: Sequence[FrameSample], weights: Path) -> tuple[dict[str, float], pd.DataFrame]:
        """Train on `samples` and write `weights`; its scores, and the losses by step (none for 0 steps)."""
        with tempfile.TemporaryDirectory() as log_dir:
            scores = fit(
                samples,
                (),
                frame=self.frame,
                model=self.model,
                loss=self.loss,
                train=self.train,
                out_weights=weights,
                start_weights=self.start_weights,
                log_dir=Path(log_dir),
            )
            return scores, _history(Path(log_dir) / "metrics.csv")


def _history(path: Path) -> pd.DataFrame:
    """The columns step, loss and each part of the loss that Lightning's CSV logger wrote."""
    if not path.is_file():
        return pd.DataFrame({"step": [], "loss": []})
    table = pd.read_csv(path)
    return table[["step", *sorted(name for name in table if name.startswith("loss"))]].dropna()
