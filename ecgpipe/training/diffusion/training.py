"""How the denoiser is trained: what is diffused, and its Lightning module."""

from typing import NamedTuple

import torch
from torch import Tensor

from ecgpipe.training.diffusion.denoiser import Denoiser
from ecgpipe.training.diffusion.process import DATA_SIGMA, preconditioned, random_levels
from ecgpipe.training.lightning import OneCycleModule
from ecgpipe.training.losses import denoising

FLOOR_MV = 0.01  # what a reading is off by at least
FAR = 8.0  # standard errors: a reading further off is a blunder, of whose size nothing is learnt
UPSIDE_DOWN_SHARE = 0.25  # of the rows trained on


class Readings(NamedTuple):
    """Rows as a reader saw them: `coarse` strips as `coarse_strips` makes them, and (N, T) in mV its reading, its
    standard errors, and the truth, NaN where unknown."""

    coarse: Tensor
    mv: Tensor
    sigma_mv: Tensor
    truth_mv: Tensor


def scale_of(sigma_mv: Tensor) -> Tensor:
    """The unit in mV, sample by sample, in which a truth's distance from its reading is diffused.

    It is the reader's own standard error: so a value of 1 is as usual where the trace is seen as where it is hidden.
    """
    return (sigma_mv.square() + FLOOR_MV**2).sqrt()


class DenoisingModule(OneCycleModule):
    """Trains a `Denoiser` on batches of `Readings`."""

    model: Denoiser

    def __init__(self, model: Denoiser, *, learning_rate: float):
        super().__init__(model, learning_rate)

    def training_step(self, batch: Readings, batch_idx: int) -> Tensor:
        coarse, mv, sigma_mv, truth_mv = upside_down(Readings(*batch))
        scale = scale_of(sigma_mv)
        truth = ((truth_mv - mv) / scale).clamp(-FAR, FAR)
        level = random_levels(len(mv), mv.device)
        noisy = truth.nan_to_num() + level[:, None] * torch.randn_like(mv)
        known = self.model.known(coarse, mv, scale)
        denoised = preconditioned(lambda x, log_level: self.model(x, log_level, known), noisy, level)
        loss = denoising(denoised, truth, level, DATA_SIGMA)
        self.log("loss", loss.detach())
        return loss


def upside_down(readings: Readings) -> Readings:
    """The readings, some of them turned upside down, as an ECG's leads are to each other."""
    turn = torch.rand(len(readings.mv), device=readings.mv.device) < UPSIDE_DOWN_SHARE
    sign = torch.where(turn, -1.0, 1.0)[:, None]
    coarse = torch.where(turn[:, None, None, None], readings.coarse.flip(2), readings.coarse)
    return Readings(coarse, sign * readings.mv, readings.sigma_mv, sign * readings.truth_mv)
