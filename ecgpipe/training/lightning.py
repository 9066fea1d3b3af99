"""The training of the reader as a LightningModule: steps, learning rate, validation by kind."""

import math
from collections import defaultdict

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer
from torch import Tensor, nn

from ecgpipe.trace.decode import decode_heights
from ecgpipe.training.architectures import to_input
from ecgpipe.training.data import Strips
from ecgpipe.training.losses import CombinedLoss

WARM_UP = 0.05  # share of the training in which the learning rate rises


class OneCycleModule(pl.LightningModule):
    """Trains `model` with AdamW and a one-cycle learning rate over `max_steps` or a Timer's time, whichever ends
    first."""

    def __init__(self, model: nn.Module, learning_rate: float):
        super().__init__()
        self.model, self.learning_rate = model, learning_rate

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.model.parameters(), lr=self.learning_rate, weight_decay=0.01)

    def progress(self) -> float:
        """Share of the training that is done, by steps or by time, 0..1."""
        shares = [0.0]
        if self.trainer.max_steps > 0:
            shares.append(self.trainer.global_step / self.trainer.max_steps)
        callbacks: list[pl.Callback] = self.trainer.callbacks  # type: ignore[attr-defined]  # Lightning's own omission
        for timer in (c for c in callbacks if isinstance(c, Timer)):
            elapsed, left = timer.time_elapsed(), timer.time_remaining()
            if left is not None:
                shares.append(elapsed / (elapsed + left))
        share = min(max(shares), 1.0)
        # Devices' clocks differ; their learning rates must not.
        return share if self.trainer.world_size == 1 else self.trainer.strategy.broadcast(share)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.learning_rate * one_cycle(self.progress())


class TraceModule(OneCycleModule):
    """Trains a reader.

    `freeze_norm` keeps the batch norms' statistics, as a short fine-tune on small batches needs. Validation takes
    whole `Strips` and logs the median SNR in dB and error in px a strip, overall and by kind.
    """

    def __init__(self, model: nn.Module, loss: CombinedLoss, *, learning_rate: float, freeze_norm: bool = False):
        super().__init__(model, learning_rate)
        self.loss, self.freeze_norm = loss, freeze_norm
        self._scores: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        self.loss.progress = self.progress()

    def on_train_epoch_start(self) -> None:
        self._hold_norm()

    def on_validation_end(self) -> None:
        self._hold_norm()

    def _hold_norm(self) -> None:
        if self.freeze_norm:
            for layer in self.model.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, heights = batch
        loss = self.loss(self.model(to_input(images)), heights)
        self.log_dict({"loss": loss.detach()} | {f"loss_{name}": p.detach() for name, p in self.loss.parts.items()})
        return loss

    def validation_step(self, strips: Strips[Tensor], batch_idx: int) -> None:
        for image, true in zip(strips.images, strips.heights, strict=True):
            read, _ = decode_heights(self.model(to_input(image[None]))[0].float().cpu().numpy())
            self._scores[strips.kind].append(strip_score(read, true.cpu().numpy()))

    def on_validation_epoch_end(self) -> None:
        by_kind = {f"_{kind}" if kind else "": scores for kind, scores in sorted(self._scores.items())}
        by_kind[""] = [score for scores in self._scores.values() for score in scores]
        for suffix, scores in by_kind.items():
            snr_db, error_px = np.nanmedian(np.array(scores), axis=0)
            self.log_dict({f"snr_db{suffix}": float(snr_db), f"error_px{suffix}": float(error_px)})
        self._scores.clear()


def one_cycle(progress: float) -> float:
    """Factor 0..1 of the learning rate: a linear rise over `WARM_UP`, then half a cosine to 0."""
    if progress < WARM_UP:
        return max(progress, 1e-4) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def strip_score(read_px: np.ndarray, true_px: np.ndarray) -> tuple[float, float]:
    """SNR in dB of one row, offset forgiven, signal power about its mean; and the median absolute error in px."""
    known = np.isfinite(true_px)
    if not known.any():
        return float("nan"), float("nan")
    true, error = true_px[known] - true_px[known].mean(), read_px[known] - true_px[known]
    noise = np.square(error - error.mean()).sum()
    return 10 * math.log10(np.square(true).sum() / max(noise, 1e-9)), float(np.median(np.abs(error)))
