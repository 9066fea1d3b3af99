"""Networks make a signal of any picture, and are the same once they were written and read."""

import pytest
import torch

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.paired.network import NETWORKS, Shape, build_network, load_network, save_network

SHAPE = Shape(colours=3, channels=2, samples=100)
each_network = pytest.mark.parametrize(
    ("architecture", "size"), [(name, size) for name, network in NETWORKS.items() for size in network.SIZES]
)


@each_network
def test_a_network_makes_channels_and_samples_of_pictures_of_any_size(architecture, size):
    network = build_network(architecture, size, SHAPE)
    for height, width in ((64, 64), (16, 17), (90, 40)):
        signals = network(torch.rand(3, 3, height, width))
        assert signals.shape == (3, 2, 100) and signals.isfinite().all()


@each_network
def test_a_network_that_was_written_reads_as_before_and_the_bytes_are_the_same(tmp_path, architecture, size):
    network = build_network(architecture, size, SHAPE).eval()
    for name in ("one", "two"):
        save_network(tmp_path / name, network, architecture, size, SHAPE)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    pictures = torch.rand(2, 3, 32, 32)
    assert torch.equal(load_network(tmp_path / "one")(pictures), network(pictures))


@pytest.mark.parametrize(
    ("architecture", "size", "message"),
    [("mlp", "small", "model.architecture: 'mlp' is unknown"), ("cnn", "huge", "model.size: 'huge' is unknown")],
)
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(architecture, size, message):
    with pytest.raises(ParamsError) as error:
        build_network(architecture, size, SHAPE)
    assert str(error.value).startswith(f"{message}, expected one of ")


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_a_file_without_weights_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "weights").write_bytes(content)
    with pytest.raises(DataError, match=r"no weights of the baseline .* run `dvc repro paired/dvc\.yaml`"):
        load_network(tmp_path / "weights")
