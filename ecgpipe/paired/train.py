"""The training of the baseline, the same for the final weights and for each fold, and its readings."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from ecgpipe.base.errors import ParamsError
from ecgpipe.paired.data import Draws, draws_loader
from ecgpipe.paired.network import Shape, build_network
from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import Params
from ecgpipe.training.architectures import to_input
from ecgpipe.training.lightning import OneCycleModule
from ecgpipe.training.losses import SeriesLoss
from ecgpipe.training.progress import ShowProgress
from ecgpipe.training.steps import train_steps


class WaveformModule(OneCycleModule):
    """Trains a network that makes signals (N, channels, samples) of pictures; each channel is a series of the loss."""

    def __init__(self, model: nn.Module, loss: SeriesLoss, learning_rate: float):
        super().__init__(model, learning_rate)
        self.loss = loss

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, signals = batch
        self.loss.progress = self.progress()
        loss = self.loss(self.model(to_input(images)).float().flatten(0, 1), signals.flatten(0, 1))
        self.log_dict({"loss": loss.detach()} | {f"loss_{name}": p.detach() for name, p in self.loss.parts.items()})
        return loss


def shape_of(pairs: Pairs) -> Shape:
    """What a network of these pairs takes and gives."""
    return Shape(pairs.images.shape[-1], *pairs.signals.shape[1:])


def fit(pairs: Pairs, chosen: np.ndarray, params: Params, title: str) -> tuple[nn.Module, pd.DataFrame]:
    """A network trained on the `chosen` rows of `pairs` from nothing, and its losses by step as `train_steps` has them.

    The same parameters and pairs give the same network on one machine. ParamsError if every weight of the loss is 0.
    """
    train, weights = params.train, asdict(params.loss)
    if not any(np.any(weight) for weight in weights.values()):
        raise ParamsError("loss: found every weight 0, expected at least one above; nothing would be trained")
    pl.seed_everything(train.seed, verbose=False)
    torch.set_num_threads(train.threads)
    network = build_network(params.model.architecture, params.model.size, shape_of(pairs))
    module = WaveformModule(network, SeriesLoss(**weights), train.learning_rate)

    def batches(devices: int) -> torch.utils.data.DataLoader:
        items = train.steps * train.batch_size * devices
        draws = Draws(pairs, chosen, params.augmentation, items=items, seed=train.seed)
        return draws_loader(draws, batch_size=train.batch_size, workers=train.workers)

    history = train_steps(module, batches, train, [ShowProgress(title)])
    return network, history


def read(network: nn.Module, images: np.ndarray, batch_size: int) -> np.ndarray:
    """What `network` makes of pictures (N, height, width, colours) uint8: signals (N, channels, samples) in mV."""
    network = network.cpu().eval()
    with torch.inference_mode():
        batches = np.split(images, range(batch_size, len(images), batch_size))
        return np.concatenate([network(to_input(torch.from_numpy(batch.copy()))).numpy() for batch in batches])
