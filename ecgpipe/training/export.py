"""From a torch module to weights on disk, among them the graph that reads without torch."""

import copy
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor, nn

from ecgpipe.base.networks import Graph, save_network
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import save_weights
from ecgpipe.training.architectures import learnt, to_input

# Shapes of a strip and of a canvas; the graph takes any height and width that the network takes.
_STRIP, _CANVAS = (1, 64, 96, 3), (1, 128, 192, 3)


def save_model(path: Path, network: nn.Module, *, architecture: str, size: str, spec: StripSpec, about: dict) -> None:
    """Write `network`, which reads strips of `spec`, as `trace.weights` keeps it; `about` holds data, cost, scores.

    The same network gives the same bytes. It may be on any device; it is left as it is.
    """
    network = _at_rest(network)
    save_weights(
        path, _tensors(network), exported(network), architecture=architecture, size=size, spec=spec, about=about
    )


def save_marks(path: Path, network: nn.Module, about: dict) -> None:
    """Write the `network` that sees a sheet's marks, in half the precision and half the bytes."""
    network = _at_rest(network)
    tensors = {name: value.astype(np.float16) for name, value in _tensors(network).items()}
    save_network(path, tensors, exported(network, _CANVAS, half=True), about)


def _at_rest(network: nn.Module) -> nn.Module:
    """A copy of `network` on the CPU, in float32 and evaluation mode."""
    return copy.deepcopy(network).cpu().float().eval()


def _tensors(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.contiguous().numpy() for name, value in learnt(network).items()}


def exported(network: nn.Module, example: tuple[int, ...] = _STRIP, *, half: bool = False) -> Graph:
    """The graph of a network in evaluation mode on the CPU, of pictures in any number, height and width.

    It is kept in float32, or with `half` in float16, and computes in what the machine is quickest in either way.
    """
    import openvino as ov  # a machine that only trains does without

    with torch.no_grad():
        graph = ov.convert_model(
            _FromBytes(network),
            example_input=torch.zeros(example, dtype=torch.uint8),
            input=[-1, -1, -1, example[-1]],
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        ov.save_model(graph, path, compress_to_fp16=half)
        return Graph(_bare(path.read_bytes()), path.with_suffix(".bin").read_bytes())


class _FromBytes(nn.Module):
    """A network whose input is strips (N, H, W, 3) uint8."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, strips: Tensor) -> Tensor:
        return self.network(to_input(strips)).float()


def _bare(xml: bytes) -> bytes:
    """A graph's XML without what differs from one export to the next: versions, and names that count upwards."""
    net = ElementTree.fromstring(xml)
    net.set("name", "network")
    for parent in list(net.iter()):
        for info in parent.findall("rt_info"):
            parent.remove(info)
    for layer in net.iter("layer"):
        layer.set("name", layer.attrib["id"])
    for port in net.iter("port"):
        port.attrib.pop("names", None)
    return ElementTree.tostring(net)
