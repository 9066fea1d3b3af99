"""The available networks, by their name in `model.architecture` and in a card.

A new one is a torch module and its line in `ARCHITECTURES`. Its class has `SIZES`, the names it is built under; takes
`size` and `samples_per_px`; and makes of strips (N, 3, H, W) in 0..1, their H and W multiples of 32, logits
(N, samples_per_px * W, H): a distribution over heights for each sample.
"""

from collections.abc import Collection
from typing import Protocol

import torch
from torch import Tensor, nn

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.trace.weights import Weights
from ecgpipe.training.architectures.transformer import Transformer
from ecgpipe.training.architectures.unet import UNet


class Architecture(Protocol):
    """What a class in `ARCHITECTURES` offers."""

    @property
    def SIZES(self) -> Collection[str]: ...

    def __call__(self, *, size: str, samples_per_px: int) -> nn.Module: ...


ARCHITECTURES: dict[str, Architecture] = {
    "transformer": Transformer,
    "unet": UNet,
}


def build_model(architecture: str, size: str, samples_per_px: int) -> nn.Module:
    """An untrained network by name; ParamsError, with the known ones, for an unknown architecture or size."""
    _check("architecture", architecture, ARCHITECTURES)
    _check("size", size, ARCHITECTURES[architecture].SIZES)
    network = ARCHITECTURES[architecture](size=size, samples_per_px=samples_per_px)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it


def trained_model(weights: Weights) -> nn.Module:
    """The network (evaluation mode) that `weights` are of; DataError if they do not fit."""
    tensors = {name: torch.from_numpy(value) for name, value in weights.tensors().items()}
    try:
        network = build_model(weights.architecture, weights.size, weights.spec.samples_per_px)
        result = network.load_state_dict(tensors, strict=False)
    except (ParamsError, RuntimeError) as error:
        raise DataError(_unfit(weights)) from error
    if result.unexpected_keys or set(result.missing_keys) & set(learnt(network)):
        raise DataError(_unfit(weights))
    return network.eval()


def learnt(network: nn.Module) -> dict[str, Tensor]:
    """What training changes, by name: every tensor of a network except counters."""
    return {name: value for name, value in network.state_dict().items() if value.is_floating_point()}


def to_input(strips: Tensor) -> Tensor:
    """Strips (N, H, W, 3) uint8 as a network's input (N, 3, H, W) in 0..1."""
    return strips.permute(0, 3, 1, 2).float() / 255


def _check(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ParamsError(f"model.{name}: {value!r} is unknown, expected one of {', '.join(known)}")


def _unfit(weights: Weights) -> str:
    return (
        f"{weights.path}: weights do not fit a {weights.size} {weights.architecture} network; "
        "restore the file with its card"
    )
