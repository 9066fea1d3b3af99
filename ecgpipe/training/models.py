"""The network that reads a strip: a U-Net whose output is, for every sample, a distribution over heights.

Pixels enter in 2x2 blocks (space to depth, nothing is thrown away) and the logits leave the same way, so that the
network sees every pixel and yet has no layer at full resolution: four times cheaper on a CPU, at 1 px of detail.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.trace.strips import PAPER
from ecgpipe.trace.weights import Weights

WIDTHS = {  # channels at 1/2, 1/4, ... of the strip's resolution
    "tiny": (16, 32, 48, 64, 64),
    "small": (32, 64, 96, 128, 128),
    "base": (48, 96, 128, 192, 256),
}
_BLOCK = 2
_COLOURS = 3


def build_model(size: str = "small", samples_per_px: int = 2) -> "TraceNet":
    """A network by name; raises ParamsError for an unknown size."""
    if size not in WIDTHS:
        raise ParamsError(f"model.size: {size!r} is unknown, expected one of {', '.join(WIDTHS)}")
    return TraceNet(widths=WIDTHS[size], samples_per_px=samples_per_px).to(memory_format=torch.channels_last)


def trained_model(weights: Weights) -> "TraceNet":
    """The network (evaluation mode) that `weights` are of; DataError if they do not fit."""
    model = build_model(weights.size, weights.spec.samples_per_px)
    try:
        result = model.load_state_dict(
            {name: torch.from_numpy(value) for name, value in weights.tensors.items()}, strict=False
        )
    except RuntimeError as error:
        raise DataError(_unfit(weights)) from error
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or result.unexpected_keys:
        raise DataError(_unfit(weights))
    return model.eval()


def _unfit(weights: Weights) -> str:
    return f"{weights.path}: weights do not fit a {weights.size} network; restore the file with its card"


def to_input(strips: Tensor) -> Tensor:
    """Strips (N, H, W, 3) uint8 as the network's input (N, 3, H, W) in 0..1."""
    return strips.permute(0, 3, 1, 2).float() / 255


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class TraceNet(nn.Module):
    """Strip (N, 3, H, W) in 0..1 -> logits (N, samples_per_px * W, H), a column a sample; H, W multiples of 32."""

    def __init__(self, *, widths: tuple[int, ...], samples_per_px: int):
        super().__init__()
        self.samples_per_px = samples_per_px
        finest = widths[0]
        self.stem = nn.Sequential(ConvBlock(_COLOURS * _BLOCK**2 + 1, finest), ConvBlock(finest, finest))
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in steps)
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps)
        self.up = nn.ModuleList(ConvBlock(a, a) for a, _ in steps)
        self.head = nn.Conv2d(finest, samples_per_px * _BLOCK**2, 3, padding=1)

    def tensors(self) -> dict[str, np.ndarray]:
        """What was learnt, by name, as `weights` keeps it."""
        state = {name: value for name, value in self.state_dict().items() if value.is_floating_point()}
        return {name: value.detach().float().cpu().contiguous().numpy() for name, value in state.items()}

    @torch.inference_mode()
    def read(self, strip: np.ndarray) -> np.ndarray:
        """Logits (T, H) float32 of a strip (H, W, 3) uint8, computed in bfloat16."""
        device = self.head.weight.device
        with torch.autocast(device.type, torch.bfloat16):
            return self(to_input(torch.from_numpy(strip)[None].to(device)))[0].float().cpu().numpy()

    def forward(self, strip: Tensor) -> Tensor:
        strip = strip - PAPER / 255
        blocks = F.pixel_unshuffle(strip, _BLOCK)
        n, _, height, width = blocks.shape
        # Distance from 0 mV tells the row that is asked for from its neighbours.
        distance = torch.linspace(-1, 1, height, device=strip.device, dtype=blocks.dtype)
        blocks = torch.cat([blocks, distance[:, None].expand(n, 1, height, width)], 1)
        x = self.stem(blocks.contiguous(memory_format=torch.channels_last))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            x = up(F.interpolate(lateral(x), scale_factor=2.0, mode="nearest") + skips.pop())
        logits = F.pixel_shuffle(self.head(x), _BLOCK)  # (N, samples_per_px, H, W)
        return logits.permute(0, 3, 1, 2).flatten(1, 2)
