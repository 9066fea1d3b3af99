"""Networks by name: what each must do, and that a new one is a class and a line."""

import numpy as np
import openvino as ov
import pytest
import torch
from torch import Tensor, nn

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.network import Network
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.architectures import ARCHITECTURES, build_model, learnt, to_input, trained_model
from ecgpipe.training.architectures.transformer import TIME_REACH
from ecgpipe.training.export import exported, save_model

SPEC = StripSpec(FrameSpec(raster=Raster(100, 20)))


class Darkness(nn.Module):
    """The least a network can be: ink is where it is dark."""

    SIZES = ("one",)

    def __init__(self, *, size: str, samples_per_px: int):
        super().__init__()
        self.head = nn.Conv2d(3, samples_per_px, 1)

    def forward(self, strip: Tensor) -> Tensor:
        return self.head(strip).permute(0, 3, 1, 2).flatten(1, 2)


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name in ARCHITECTURES for size in ARCHITECTURES[name].SIZES]
)
def test_a_network_gives_a_distribution_for_every_sample_of_strips_of_any_height(name, size):
    network = build_model(name, size, samples_per_px=2)
    for height in (64, 96):
        assert network(torch.rand(1, 3, height, 96)).shape == (1, 192, height)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_exported_graph_says_what_the_module_says_of_strips_of_any_size(name):
    torch.manual_seed(0)
    network, core = build_model(name, "tiny", samples_per_px=2).eval(), ov.Core()
    graph = exported(network)
    reads = core.compile_model(core.read_model(*graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for shape in ((1, 128, 672), (2, 32, 32)):
        strips = torch.randint(0, 256, (*shape, 3), dtype=torch.uint8)
        with torch.no_grad():
            expected = network(to_input(strips)).numpy()
        np.testing.assert_allclose(reads(strips.numpy())[0], expected, atol=1e-4 * expected.std())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_bfloat16_says_what_float32_says(name):
    torch.manual_seed(0)
    network, strip = build_model(name, "tiny", samples_per_px=2).eval(), torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        exact = network(strip)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(strip).float()
    assert (rough - exact).abs().mean() < 0.03 * exact.abs().mean()  # 0.01; noise where oneDNN errs, see patches_of


def test_the_transformer_reads_a_place_alike_wherever_it_lies_in_a_strip_of_any_length():
    torch.manual_seed(0)
    network = build_model("transformer", "tiny", samples_per_px=1).eval()
    reach = 3 * TIME_REACH * 8 + 16  # px: three blocks of attention, and the convolutions about them
    strip = torch.rand(1, 3, 32, 2 * reach + 640)
    with torch.no_grad():
        whole, late = network(strip), network(strip[..., 320:])
    torch.testing.assert_close(whole[:, 320 + reach : -reach], late[:, reach:-reach], atol=1e-5, rtol=1e-4)
    strip[..., :256] = 0
    with torch.no_grad():
        painted = network(strip)
    torch.testing.assert_close(painted[:, 256 + reach :], whole[:, 256 + reach :], atol=1e-5, rtol=1e-4)
    assert (painted - whole)[:, 256 + 400].abs().max() > 1e-4  # within reach it does matter


def test_the_transformer_says_the_same_in_training_as_when_it_reads():
    torch.manual_seed(0)
    network, strip = build_model("transformer", "tiny", samples_per_px=2).eval(), torch.rand(2, 3, 64, 384)
    with torch.no_grad():
        reads = network(strip)
    torch.testing.assert_close(network(strip), reads, atol=1e-5, rtol=1e-4)  # with gradients attention is spelt out


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("resnet", "small", "model.architecture: 'resnet' .* unet"),
        ("unet", "huge", "model.size: 'huge' .* tiny, small"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name, size, message):
    with pytest.raises(ParamsError, match=message):
        build_model(name, size, 2)


def test_a_new_architecture_is_one_line_and_is_saved_read_and_trained_on_like_the_others(monkeypatch, tmp_path):
    monkeypatch.setitem(ARCHITECTURES, "darkness", Darkness)
    path = tmp_path / "w.safetensors"
    network = build_model("darkness", "one", SPEC.samples_per_px)
    save_model(path, network, architecture="darkness", size="one", spec=SPEC, about={})
    loaded = load_weights(path)
    assert loaded.card["architecture"] == "darkness"
    strip = np.random.default_rng(0).integers(0, 256, (SPEC.height, SPEC.width, 3)).astype(np.uint8)
    with torch.no_grad():
        expected = trained_model(loaded)(to_input(torch.from_numpy(strip)[None]))[0].numpy()
    np.testing.assert_allclose(Network(loaded)(strip), expected, atol=0.01)  # 0.004 in bfloat16


def test_what_was_learnt_comes_back(tmp_path):
    path, network = tmp_path / "w.safetensors", build_model("unet", "tiny", 5)
    save_model(path, network, architecture="unet", size="tiny", spec=SPEC, about={})
    torch.testing.assert_close(learnt(trained_model(load_weights(path))), learnt(network))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors.pop("head.bias"),
        lambda tensors: tensors.update({"stem.0.0.weight": torch.zeros(3, 3, 3, 3)}),
        lambda tensors: tensors.update({"more": torch.zeros(1)}),
    ],
)
def test_weights_of_another_network_are_an_error_that_names_them(monkeypatch, tmp_path, spoil):
    path, network = tmp_path / "w.safetensors", build_model("unet", "tiny", 5)
    save_model(path, network, architecture="unet", size="tiny", spec=SPEC, about={})
    loaded = load_weights(path)
    tensors = loaded.tensors() | {}
    spoilt = {name: torch.from_numpy(value) for name, value in tensors.items()}
    spoil(spoilt)
    monkeypatch.setattr(type(loaded), "tensors", lambda self: {name: value.numpy() for name, value in spoilt.items()})
    with pytest.raises(DataError, match=r"w\.safetensors: weights do not fit a tiny unet"):
        trained_model(loaded)


def test_the_distance_from_the_middle_is_counted_in_pixels_whatever_the_strips_height():
    network = build_model("unet", "tiny", 2).eval()
    seen = []
    network.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0, -1, :, 0]))
    with torch.no_grad():
        for height in (512, 256):
            network(torch.rand(1, 3, height, 32))
    torch.testing.assert_close(seen[0], torch.linspace(-1, 1, 256))
    torch.testing.assert_close(seen[1], seen[0][64:-64])
