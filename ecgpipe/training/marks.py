"""The network that sees a sheet's marks, and its loss; what the channels are is in `recognize.marks`."""

from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.recognize.marks import CHANNELS, MEASURES
from ecgpipe.trace.strips import PAPER
from ecgpipe.training.architectures.unet import ConvBlock

_BLOCK = 2
_PRIOR = -4.6  # logit of a mark before anything is learnt: one in a hundred, as marks are rare


class MarksNet(nn.Module):
    """Canvas (N, 3, H, W) in 0..1 -> maps (N, CHANNELS + MEASURES, H / 4, W / 4); H, W multiples of 64.

    A U-Net whose coarsest level sees the whole page and whose finest output is a quarter of the canvas.
    """

    WIDTHS: ClassVar[tuple[int, ...]] = (32, 64, 96, 128, 160, 160)  # channels at 1/2, 1/4, ... 1/64

    def __init__(self) -> None:
        super().__init__()
        widths = self.WIDTHS
        self.stem = nn.Sequential(ConvBlock(3 * _BLOCK**2, widths[0]), ConvBlock(widths[0], widths[0]))
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in steps)
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps[1:])
        self.up = nn.ModuleList(ConvBlock(a, a) for a, _ in steps[1:])
        self.head = nn.Sequential(
            ConvBlock(widths[1], widths[1]), nn.Conv2d(widths[1], len(CHANNELS) + len(MEASURES), 1)
        )
        bias = self.head[-1].bias
        assert isinstance(bias, Tensor)
        nn.init.constant_(bias[: len(CHANNELS)], _PRIOR)

    def forward(self, canvas: Tensor) -> Tensor:
        x = F.pixel_unshuffle(canvas - PAPER / 255, _BLOCK)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            x = up(F.interpolate(lateral(x), scale_factor=2.0, mode="nearest") + skips.pop())
        return self.head(x)


def marks_loss(maps: Tensor, heat: Tensor, measures: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of the network's `maps` against what is there: of the channels, and of the measures.

    `heat` (N, CHANNELS, h, w) is 1 in a mark's cell and falls off around it, `measures` (N, MEASURES, h, w) are NaN
    where they say nothing. The channels' loss is CornerNet's focal loss (Law and Deng, 2018), that of the measures the
    mean absolute error.
    """
    logits, numbers = maps[:, : len(CHANNELS)].float(), maps[:, len(CHANNELS) :].float()
    positive = heat > 0.99
    chance = torch.sigmoid(logits)
    there = -((1 - chance) ** 2) * F.logsigmoid(logits) * positive
    elsewhere = -((1 - heat) ** 4) * chance**2 * F.logsigmoid(-logits) * ~positive
    counts = positive.sum(dim=(0, 2, 3)).clamp(min=1.0)
    by_channel = (there + elsewhere).sum(dim=(0, 2, 3)) / counts
    known = ~torch.isnan(measures)
    off = (numbers - torch.nan_to_num(measures)).abs() * known
    return by_channel.mean(), off.sum() / known.sum().clamp(min=1)
