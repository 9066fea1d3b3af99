"""The network that takes noise off a row's series: a U-Net along time that knows the strip and its reading."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.trace.strips import PAPER
from ecgpipe.training.architectures.transformer import Attention
from ecgpipe.training.architectures.unet import ConvBlock

SHRINK = 4  # strip px to a coarse one, which tells where stains, names and the next rows' waves are
_COARSE = 2 * 3 + 1  # mean and darkest of each colour, distance from 0 mV
_BLOCK = 4  # samples that enter together
_LEVELS_OF_NOISE = 32  # features of a noise level
USUAL_SCALE_MV = 0.03


class Denoiser(nn.Module):
    """Noisy values (N, T), their noise level and what is known of them -> values (N, T); T a multiple of 32."""

    def __init__(self, widths: Sequence[int] = (48, 64, 96, 128), features: int = 32):
        super().__init__()
        self.eye = Eye(features)
        level = 4 * widths[0]
        self.level = nn.Sequential(nn.Linear(_LEVELS_OF_NOISE, level), nn.SiLU(), nn.Linear(level, level), nn.SiLU())
        self.stem = nn.Conv1d(3 * _BLOCK + features, widths[0], 3, padding=1)
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(ResBlock(a, level) for a, _ in steps)
        self.shrink = nn.ModuleList(nn.Conv1d(a, b, 4, 2, 1) for a, b in steps)
        self.before, self.after = ResBlock(widths[-1], level), ResBlock(widths[-1], level)
        self.norm, self.attention = nn.GroupNorm(1, widths[-1]), Attention(widths[-1], 4)
        self.grow = nn.ModuleList(nn.Conv1d(b, a, 3, padding=1) for a, b in steps)
        self.up = nn.ModuleList(ResBlock(a, level) for a, _ in steps)
        self.head = nn.Sequential(nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv1d(widths[0], _BLOCK, 3, padding=1))
        last = self.head[-1]
        assert isinstance(last, nn.Conv1d)
        nn.init.zeros_(last.weight)  # begins as the best guess without looking

    def known(self, coarse: Tensor, mv: Tensor, scale_mv: Tensor) -> Tensor:
        """What is known (N, C, T / 4), once for all noise levels: of the strip as `coarse_strips` makes it, and of the
        reading (N, T) in mV with its standard errors (N, T)."""
        blocks = [in_blocks(mv), in_blocks((scale_mv / USUAL_SCALE_MV).log())]
        seen = F.interpolate(self.eye(coarse), size=blocks[0].shape[-1], mode="linear")
        return torch.cat([*blocks, seen.to(blocks[0].dtype)], 1)

    def forward(self, noisy: Tensor, log_level: Tensor, known: Tensor) -> Tensor:
        level = self.level(waves_of(log_level))
        x = self.stem(torch.cat([in_blocks(noisy), known], 1))
        skips = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            skips.append(block(x, level))
            x = shrink(skips[-1])
        x = self.before(x, level)
        x = x + self.attention(self.norm(x).transpose(1, 2)[:, None])[:, 0].transpose(1, 2)
        x = self.after(x, level)
        for grow, block in zip(reversed(self.grow), reversed(self.up), strict=True):
            x = block(grow(F.interpolate(x, scale_factor=2.0)) + skips.pop(), level)
        return self.head(x).transpose(1, 2).flatten(1)


class ResBlock(nn.Module):
    """Series (N, C, T): two convolutions, scaled and shifted by the noise level (N, `level`), added to the series."""

    def __init__(self, width: int, level: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(2))
        self.level = nn.Linear(level, 2 * width)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        scale, shift = self.level(level)[..., None].chunk(2, 1)
        inner = self.convs[0](F.silu(self.norms[0](x)))
        inner = self.norms[1](inner) * (1 + scale) + shift
        return x + self.convs[1](F.silu(inner))


class Eye(nn.Module):
    """Coarse strips (N, 6, h, w) -> `features` (N, features, w / 2) of each place along time."""

    def __init__(self, features: int):
        super().__init__()
        self.columns = nn.Sequential(
            ConvBlock(_COARSE, 24, stride=2), ConvBlock(24, 32, stride=(2, 1)), ConvBlock(32, 48, stride=(2, 1))
        )
        self.out = nn.Conv1d(2 * 48, features, 3, padding=1)

    def forward(self, coarse: Tensor) -> Tensor:
        n, _, height, width = coarse.shape
        rows = torch.arange(height, device=coarse.device, dtype=coarse.dtype)
        distance = (rows - (height - 1) / 2) / 32
        cells = self.columns(torch.cat([coarse, distance[:, None].expand(n, 1, height, width)], 1))
        return self.out(torch.cat([cells.mean(2), cells.amax(2)], 1))


def coarse_strips(strips: Tensor) -> Tensor:
    """Strips (N, H, W, 3) uint8 shrunk to (N, 6, H / 4, W / 4): mean and darkest of each colour, 0 at blank paper."""
    levels = strips.permute(0, 3, 1, 2).float()
    darkest = -F.max_pool2d(-levels, SHRINK)
    return (torch.cat([F.avg_pool2d(levels, SHRINK), darkest], 1) - PAPER) / 255


def in_blocks(series: Tensor) -> Tensor:
    """Series (N, T) as (N, 4, T / 4)."""
    return series.unflatten(1, (-1, _BLOCK)).transpose(1, 2)


def waves_of(log_level: Tensor) -> Tensor:
    """Features (N, 32) of log levels (N,): sines and cosines of several lengths."""
    lengths = torch.logspace(-1, 1, _LEVELS_OF_NOISE // 2, device=log_level.device)
    angles = 2 * math.pi * log_level[:, None] * lengths
    return torch.cat([angles.sin(), angles.cos()], 1)
