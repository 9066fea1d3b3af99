"""The networks that make a signal of a picture, by their name in `model.architecture`; their weights on disk.

A new one is a torch class and its line in `NETWORKS`: it has `SIZES`, takes `size`, `colours`, `channels` and
`samples`, and makes of pictures (N, colours, H, W) in 0..1 signals (N, channels, samples) in mV.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.base.files import atomic_path


class Shape(NamedTuple):
    """What a network takes and gives: colours of a picture, channels and samples of a signal."""

    colours: int
    channels: int
    samples: int


class ColumnCNN(nn.Module):
    """A small convolutional encoder whose columns are moments.

    Three blocks halve the height each, the width only once; adaptive pooling leaves `ROWS` rows of any height, and a
    convolution along time makes the signal of each column's features, stretched to as many samples as are asked for.
    """

    SIZES: ClassVar = {"tiny": 8, "small": 16, "base": 32}  # features of the first block
    ROWS = 8

    def __init__(self, *, size: str, colours: int, channels: int, samples: int):
        super().__init__()
        widths = [colours] + [self.SIZES[size] * 2**block for block in range(3)]
        strides = ((2, 2), (2, 1), (2, 1))
        self.encoder = nn.Sequential(*map(_block, widths, widths[1:], strides))
        self.pool = nn.AdaptiveAvgPool2d((self.ROWS, None))
        self.neck = nn.Sequential(nn.Conv1d(widths[-1] * self.ROWS, widths[-1], 5, padding=2), nn.SiLU())
        self.head = nn.Conv1d(widths[-1], channels, 5, padding=2)
        self.samples = samples

    def forward(self, pictures: Tensor) -> Tensor:
        rows = self.pool(self.encoder(pictures))  # (N, features, ROWS, W / 2)
        moments = self.neck(rows.flatten(1, 2))  # (N, features, W / 2)
        return self.head(F.interpolate(moments, self.samples, mode="linear"))


def _block(inputs: int, outputs: int, stride: tuple[int, int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for features, step in ((inputs, stride), (outputs, (1, 1))):
        # over groups of a picture's features: batches may be of one picture
        layers += [nn.Conv2d(features, outputs, 3, step, padding=1), nn.GroupNorm(4, outputs), nn.SiLU()]
    return nn.Sequential(*layers)


class Network(Protocol):
    """What a class in `NETWORKS` offers."""

    @property
    def SIZES(self) -> Collection[str]: ...

    def __call__(self, *, size: str, colours: int, channels: int, samples: int) -> nn.Module: ...


NETWORKS: dict[str, Network] = {"cnn": ColumnCNN}


def build_network(architecture: str, size: str, shape: Shape) -> nn.Module:
    """An untrained network by name; ParamsError, with the known ones, for an unknown architecture or size."""
    if architecture not in NETWORKS:
        raise ParamsError(f"model.architecture: {architecture!r} is unknown, expected one of {', '.join(NETWORKS)}")
    if size not in NETWORKS[architecture].SIZES:
        sizes = ", ".join(NETWORKS[architecture].SIZES)
        raise ParamsError(f"model.size: {size!r} is unknown, expected one of {sizes}")
    return NETWORKS[architecture](size=size, **shape._asdict())


def save_network(path: str | Path, network: nn.Module, architecture: str, size: str, shape: Shape) -> None:
    """Write what a network learnt, with what is needed to build it again; the same network gives the same bytes."""
    card = json.dumps({"architecture": architecture, "size": size, "shape": shape})
    with atomic_path(path) as temporary:
        save_file(network.state_dict(), temporary, {"card": card})


def load_network(path: str | Path) -> nn.Module:
    """The network that `save_network` wrote, ready to read; DataError if the file holds none."""
    try:
        with safe_open(path, "pt") as file:
            card = json.loads(file.metadata()["card"])
            network = build_network(card["architecture"], card["size"], Shape(*card["shape"]))
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError, KeyError, ValueError, RuntimeError, ParamsError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: no weights of the baseline ({reason}); run `dvc repro paired/dvc.yaml`") from None
    return network.eval()
