"""A transformer over patches of a strip: attention along time and along height by turns.

A patch is 16 px high and 8 wide. Attention over all patches of a strip at once would grow with the square of their
number, and a patch has most to do with those beside it and those above it: so each block attends along time within a
band of patches, then along height within a column of them (axial attention, Ho et al. 2019). Along time a patch sees
`TIME_REACH` others either way and knows how far off they are, not where it is (rotary positions, Su et al. 2021):
trained on crops, it reads strips of any length alike. Convolutions before and after keep what is finer than a patch.
"""

import math
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.trace.strips import PAPER
from ecgpipe.training.architectures.unet import ConvBlock, blocks_of

_BLOCK = 2
_PATCH = (8, 4)  # blocks high and wide
TIME_REACH = 32  # patches: 1 s at 250 px/s, which crops that are trained on hold too
_PERIOD = 256  # patches after which positions repeat; more than twice the reach, and than a strip has bands
_TURNS = 64  # of the quickest rotary pair in a period


class Size(NamedTuple):
    """`width` of a token, number of `blocks` and of `heads`, channels of the `finest` level at half resolution."""

    width: int
    blocks: int
    heads: int
    finest: int


class Transformer(nn.Module):
    """Strip (N, 3, H, W) in 0..1 -> logits (N, samples_per_px * W, H), a column a sample; H, W multiples of 32."""

    SIZES: ClassVar[dict[str, Size]] = {
        "tiny": Size(64, 3, 2, 16),
        "small": Size(128, 4, 4, 32),
        "base": Size(192, 6, 6, 48),
    }

    def __init__(self, *, size: str, samples_per_px: int):
        super().__init__()
        width, blocks, heads, finest = self.SIZES[size]
        self.stem = ConvBlock(3 * _BLOCK**2 + 1, finest)
        self.patch = nn.Linear(finest * math.prod(_PATCH), width)
        self.blocks = nn.ModuleList(AxialBlock(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.unpatch = nn.Linear(width, finest * math.prod(_PATCH))
        self.fine = ConvBlock(finest, finest)
        self.head = nn.Conv2d(finest, samples_per_px * _BLOCK**2, 3, padding=1)

    def forward(self, strip: Tensor) -> Tensor:
        fine = self.stem(blocks_of(strip - PAPER / 255, _BLOCK))
        tokens = self.patch(patches_of(fine))  # (N, h, w, width)
        for block in self.blocks:
            tokens = block(tokens)
        fine = self.fine(fine + levels_of(self.unpatch(self.norm(tokens))))
        logits = F.pixel_shuffle(self.head(fine), _BLOCK)  # (N, samples_per_px, H, W)
        return logits.permute(0, 3, 1, 2).flatten(1, 2)


def patches_of(levels: Tensor) -> Tensor:
    """Levels (N, C, H, W) as patches (N, h, w, C * pixels of a patch).

    Not a convolution as wide as its stride: of 16 channels oneDNN makes noise in bfloat16 (torch 2.13 on AMX).
    """
    n, channels, height, width = levels.shape
    high, wide = _PATCH
    parts = levels.reshape(n, channels, height // high, high, width // wide, wide)
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(3)


def levels_of(patches: Tensor) -> Tensor:
    """What `patches_of` has taken apart."""
    n, rows, columns, _ = patches.shape
    high, wide = _PATCH
    parts = patches.reshape(n, rows, columns, -1, high, wide).permute(0, 3, 1, 4, 2, 5)
    levels = parts.reshape(n, -1, rows * high, columns * wide)
    return levels.contiguous(memory_format=torch.channels_last)


class AxialBlock(nn.Module):
    """Tokens (N, h, w, C): attention along w, then along h, then each by itself; each added to what was there."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.time, self.height = Attention(width, heads, TIME_REACH), Attention(width, heads)
        self.alone = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.time(self.norms[0](x))
        x = x + self.height(self.norms[1](x).transpose(1, 2)).transpose(1, 2)
        return x + self.alone(self.norms[2](x))


class Attention(nn.Module):
    """Self-attention along the third axis of tokens (N, a, b, C), with rotary positions; at most `reach` tokens far."""

    turns: Tensor

    def __init__(self, width: int, heads: int, reach: int | None = None):
        super().__init__()
        self.heads, self.reach = heads, reach
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("turns", rotary_table(width // heads), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        n, rows, length, width = x.shape
        heads = self.qkv(x).view(n * rows, length, 3 * self.heads, width // self.heads)
        query, key, value = heads.transpose(1, 2).chunk(3, 1)  # each (N * a, heads, b, C / heads)
        at = torch.arange(length, device=x.device)
        cos, sin = self.turns[at % _PERIOD].to(x.dtype).chunk(2, -1)
        mask = None if self.reach is None else (at[:, None] - at).abs() <= self.reach
        mixed = attended(turned(query, cos, sin), turned(key, cos, sin), value, mask)
        return self.out(mixed.transpose(1, 2).reshape(n, rows, length, width))


def attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """What each query (..., b, C) takes of the values (..., b, C); `mask` (b, b) is True where it may look.

    Reading takes torch's own function, which never holds all weights at once; its gradient takes 20 times as long on a
    CPU, so training spells it out.
    """
    if not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, -1) @ value


def rotary_table(width: int) -> Tensor:
    """Cosines and sines (period, width) of the angles by which the `width` / 2 pairs of a head turn at each position.

    Each pair makes a whole number of turns a period, so that a table of one period, exact in any precision, serves
    strips of any length.
    """
    whole = torch.logspace(0, 1, width // 2, base=_TURNS).round()
    angles = torch.arange(_PERIOD)[:, None] * whole * (2 * torch.pi / _PERIOD)
    return torch.cat([angles.cos(), angles.sin()], -1)


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads (..., b, C), their pairs (c, c + C / 2) turned by angles of which `cos` and `sin` (b, C / 2) are given."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)
