"""A strip and its reading in, samples of its series out."""

from typing import NamedTuple

import numpy as np
import torch

from ecgpipe.base.errors import DataError
from ecgpipe.training.diffusion.denoiser import Denoiser, coarse_strips
from ecgpipe.training.diffusion.process import preconditioned, sampled
from ecgpipe.training.diffusion.training import scale_of
from ecgpipe.training.machine import resolved_precision

SAMPLES, STEPS = 16, 14
UNREAD_SIGMA_MV = 0.5  # of samples that the reading lacks


class Completed(NamedTuple):
    """`samples` (S, T) of a row's series, their `mean` and their standard deviation `std`, each (T,); in mV."""

    samples: np.ndarray
    mean: np.ndarray
    std: np.ndarray


class Completer:
    """Refines and completes readings with a trained `denoiser`.

    What is seen hardly moves; what is hidden is drawn anew in each sample, in one piece with what is beside it.
    """

    def __init__(self, denoiser: Denoiser, *, steps: int = STEPS):
        self.denoiser, self.steps = denoiser.eval(), steps

    @torch.no_grad()
    def __call__(
        self, strip: np.ndarray, mv: np.ndarray, sigma_mv: np.ndarray, *, count: int = SAMPLES, seed: int = 0
    ) -> Completed:
        """`count` samples of the row on `strip` (H, W, 3) uint8, of which a reader has read `mv` with the standard
        errors `sigma_mv`, each (T,) for all of the strip's T samples, NaN where it read nothing.

        The same seed gives the same samples. DataError if the three do not belong together.
        """
        mv, sigma_mv = _checked(strip, mv, sigma_mv)
        reading, sigma = (torch.from_numpy(series)[None] for series in (mv, sigma_mv))
        scale = scale_of(sigma)
        noise = torch.randn(count, len(mv), generator=torch.Generator().manual_seed(seed))
        with torch.autocast("cpu", torch.bfloat16, enabled=_quick()):
            known = self.denoiser.known(coarse_strips(torch.tensor(strip)[None]), reading, scale)
            known = known.expand(count, -1, -1)
            residual = sampled(
                lambda x, level: preconditioned(lambda y, log: self.denoiser(y, log, known), x, level),
                noise,
                self.steps,
            )
        samples = (reading + scale * residual).numpy()
        return Completed(samples, samples.mean(axis=0), samples.std(axis=0, ddof=min(count - 1, 1)))


def _checked(strip: np.ndarray, mv: np.ndarray, sigma_mv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reading and its errors, float32, with a straight line and `UNREAD_SIGMA_MV` where nothing was read."""
    if strip.ndim != 3 or strip.dtype != np.uint8 or len(mv) % strip.shape[1] or mv.shape != sigma_mv.shape:
        raise DataError(
            f"completion: found a strip {strip.dtype} {strip.shape}, a reading {mv.shape} and errors {sigma_mv.shape}; "
            "expected uint8 (H, W, 3) and twice (T,), T a whole number of samples a column"
        )
    read = np.isfinite(mv) & np.isfinite(sigma_mv)
    if not read.any():
        raise DataError("completion: found no sample that was read, expected some to go on from")
    t = np.arange(len(mv))
    bridged = np.interp(t, t[read], mv[read])
    return bridged.astype(np.float32), np.where(read, sigma_mv, UNREAD_SIGMA_MV).astype(np.float32)


def _quick() -> bool:
    """Whether this CPU multiplies bfloat16 by itself."""
    return resolved_precision("auto", "cpu") == "bf16-mixed"
