"""The fine-tune on stored frames, the same for the final weights and for each fold."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ecgpipe.page.geometry import FrameSpec
from ecgpipe.params import Loss, Model, Train
from ecgpipe.training.data import Frames
from ecgpipe.training.progress import ShowProgress
from ecgpipe.training.train import fit


@dataclass(frozen=True)
class FineTune:
    """How a reader is trained: the raster of its frames, its network, its loss, its schedule."""

    frame: FrameSpec
    model: Model
    loss: Loss
    train: Train
    title: str = "train"  # under which it is shown how it goes

    @property
    def start_weights(self) -> Path | None:
        """The weights to start from, None to train from nothing (`train.weights: none`)."""
        return None if self.train.weights == "none" else Path(self.train.weights)

    def __call__(self, samples: Frames, weights: Path) -> tuple[dict[str, float], pd.DataFrame]:
        """Train on `samples`, showing how it goes, and write `weights`; scores, and losses by step (none for 0)."""
        return fit(
            samples,
            (),
            frame=self.frame,
            model=self.model,
            loss=self.loss,
            train=self.train,
            out_weights=weights,
            start_weights=self.start_weights,
            callbacks=[ShowProgress(self.title)],
        )
