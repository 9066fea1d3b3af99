"""A U-Net whose output is, for every sample, a distribution over heights.

Pixels enter in 2x2 blocks (space to depth, nothing is thrown away) and the logits leave the same way, so that the
network sees every pixel and yet has no layer at full resolution: four times cheaper on a CPU, at 1 px of detail.
"""

from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.trace.strips import PAPER

_BLOCK = 2
_COLOURS = 3
_DISTANCE_STEP = 2 / 255  # a block, in units of about half a strip of 512 px


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int | tuple[int, int] = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class UNet(nn.Module):
    """Strip (N, 3, H, W) in 0..1 -> logits (N, samples_per_px * W, H), a column a sample; H, W multiples of 32."""

    SIZES: ClassVar[dict[str, tuple[int, ...]]] = {  # channels at 1/2, 1/4, ... of the strip's resolution
        "tiny": (16, 32, 48, 64, 64),
        "small": (32, 64, 96, 128, 128),
        "base": (48, 96, 128, 192, 256),
    }

    def __init__(self, *, size: str, samples_per_px: int):
        super().__init__()
        widths = self.SIZES[size]
        finest = widths[0]
        self.stem = nn.Sequential(ConvBlock(_COLOURS * _BLOCK**2 + 1, finest), ConvBlock(finest, finest))
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in steps)
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps)
        self.up = nn.ModuleList(ConvBlock(a, a) for a, _ in steps)
        self.head = nn.Conv2d(finest, samples_per_px * _BLOCK**2, 3, padding=1)

    def forward(self, strip: Tensor) -> Tensor:
        x = self.stem(blocks_of(strip - PAPER / 255, _BLOCK))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            x = up(F.interpolate(lateral(x), scale_factor=2.0, mode="nearest") + skips.pop())
        logits = F.pixel_shuffle(self.head(x), _BLOCK)  # (N, samples_per_px, H, W)
        return logits.permute(0, 3, 1, 2).flatten(1, 2)


def blocks_of(strip: Tensor, block: int) -> Tensor:
    """A strip (N, C, H, W) in blocks (N, C * block^2 + 1, H / block, W / block).

    The last channel is the blocks' distance from 0 mV, half way down, which tells the row that is asked for from its
    neighbours.
    """
    blocks = F.pixel_unshuffle(strip, block)
    n, _, height, width = blocks.shape
    rows = torch.arange(height, device=strip.device, dtype=blocks.dtype)
    distance = (rows - (height - 1) / 2) * _DISTANCE_STEP
    blocks = torch.cat([blocks, distance[:, None].expand(n, 1, height, width)], 1)
    return blocks.contiguous(memory_format=torch.channels_last)
