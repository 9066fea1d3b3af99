"""The graph that reads is the torch module that was trained, in any size of strip, and the same bytes each time."""

import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from torch import nn

from ecgpipe.base.networks import Graph
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import SHIPPED, load_weights
from ecgpipe.training.architectures import build_model, to_input, trained_model
from ecgpipe.training.export import exported, save_model


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A network whose batch norms have learnt their statistics."""
    torch.manual_seed(0)
    network = build_model("unet", "tiny", 2)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 2.0)
                layer.bias.normal_(0.0, 0.3)
        for _ in range(30):
            network(to_input(noise(4, 64, 96)))
    return network.eval()


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(shape[1]))


def run(graph: Graph | tuple[Path], strips: torch.Tensor) -> np.ndarray:
    core = ov.Core()
    compiled = core.compile_model(core.read_model(*graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(strips.numpy())[0]


def test_the_graph_says_what_the_module_says_of_strips_of_any_number_and_size(network):
    graph = exported(network)
    for shape in ((1, 64, 96), (1, 128, 64), (2, 96, 160)):
        with torch.no_grad():
            expected = network(to_input(noise(*shape))).numpy()
        said = run(graph, noise(*shape))
        assert said.dtype == np.float32
        np.testing.assert_allclose(said, expected, atol=1e-4 * expected.std())


def test_the_shipped_graph_is_that_of_the_shipped_weights():
    weights = load_weights(SHIPPED)
    strips = noise(1, 512, 64)
    with torch.no_grad():
        expected = trained_model(weights)(to_input(strips)).numpy()
    np.testing.assert_allclose(run((weights.graph(),), strips), expected, atol=1e-4 * expected.std())


def test_the_same_network_gives_the_same_bytes_with_no_version_or_path_in_them(network):
    first, second = exported(network), exported(network)
    assert first == second
    assert not re.search(rb"rt_info|/tmp|ersion value|\.py", first.xml)


def test_a_network_in_training_is_exported_as_it_reads_and_left_as_it_is(network, tmp_path):
    network.train()
    path = tmp_path / "w.safetensors"
    save_model(path, network, architecture="unet", size="tiny", spec=StripSpec(), about={})
    assert network.training
    assert load_weights(path).graph().read_bytes() == exported(network.eval()).xml
