"""Diffusion in continuous noise after Karras et al. 2022 ("EDM"): levels, preconditioning, a sampler of few steps.

What is diffused has a standard deviation of about `DATA_SIGMA`; at a level s it is x = y + s n with n of unit variance.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

DATA_SIGMA = 0.5
LOWEST, HIGHEST = 0.01, 10.0  # levels: a fiftieth of the data's spread and twenty times it
LOG_MEAN, LOG_SIGMA = -0.8, 1.3  # of the levels trained at
RHO = 7.0  # how much closer together the sampler's levels lie near the lowest

# Noisy values (N, T) and their levels (N,) -> the mean (N, T) of what they may have been.
Denoise = Callable[[Tensor, Tensor], Tensor]


def random_levels(count: int, device: torch.device | None = None) -> Tensor:
    """Noise levels (count,) to train at, log-normal."""
    return torch.exp(LOG_MEAN + LOG_SIGMA * torch.randn(count, device=device))


def sampling_levels(steps: int) -> Tensor:
    """Falling noise levels (steps + 1,) from `HIGHEST` over `LOWEST` to 0."""
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    first, last = HIGHEST ** (1 / RHO), LOWEST ** (1 / RHO)
    return torch.cat([(first + share * (last - first)) ** RHO, torch.zeros(1, dtype=torch.float64)]).float()


def preconditioned(network: Denoise, noisy: Tensor, level: Tensor) -> Tensor:
    """The denoised values (N, T) by a `network` whose input and output have about unit variance at every level.

    c_skip x + c_out F(c_in x, ln(s) / 4): at a low level little is asked of the network, at a high one all.
    """
    s, data = level.float()[:, None], DATA_SIGMA
    total = s.square() + data**2
    asked = network(noisy / total.sqrt(), level.log() / 4).float()
    return noisy * data**2 / total + asked * s * data / total.sqrt()


@torch.no_grad()
def sampled(denoise: Denoise, noise: Tensor, steps: int) -> Tensor:
    """Samples (N, T) out of unit `noise` (N, T), in `steps` calls of `denoise`.

    DPM-Solver++(2M) (Lu et al. 2022): in each step what `denoise` says is carried on along its last change in the
    logarithm of the level. On a Gaussian it is as good as Heun's method with twice the calls.
    """
    levels = sampling_levels(steps).to(noise.device)
    x, before = noise * levels[0], None
    for index, (now, then) in enumerate(pairwise(levels)):
        said = denoise(x, now.expand(len(x)))
        ahead = said
        if before is not None and then > 0:
            ahead = said + (said - before) * (now / then).log() / (2 * (levels[index - 1] / now).log())
        x = then / now * x + (1 - then / now) * ahead
        before = said
    return x
