"""Weights on disk: what was learnt, the graph that reads, and the card that says whether they belong together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.base.networks import Graph
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.network import Network
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import FOLDER, SHIPPED, SHIPPED_ANY, load_weights, save_weights

SPEC = StripSpec(FrameSpec(raster=Raster(100, 20)))


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "w.safetensors"
    tensors, graph = {"a": np.arange(3, dtype=np.float32)}, Graph(b"<net/>", b"\0")
    save_weights(path, tensors, graph, architecture="unet", size="tiny", spec=SPEC, about={"steps": 7})
    return path


def test_weights_come_back_as_they_were(path):
    loaded = load_weights(path)
    assert (loaded.architecture, loaded.size, loaded.spec) == ("unet", "tiny", SPEC)
    assert loaded.card["steps"] == 7 and loaded.card["architecture"] == "unet"
    np.testing.assert_array_equal(loaded.tensors()["a"], [0, 1, 2])
    assert loaded.graph().read_bytes() == b"<net/>" and path.with_suffix(".bin").read_bytes() == b"\0"


@pytest.mark.parametrize("suffix", [".safetensors", ".xml", ".bin"])
@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"else"), lambda path: path.unlink()])
def test_a_file_that_is_missing_or_of_other_weights_is_one_line_that_names_it(path, suffix, spoil):
    spoil(path.with_suffix(suffix))
    loaded = load_weights(path)
    with pytest.raises(DataError, match=rf"w\{suffix}.*(not readable|found SHA-256)") as error:
        loaded.tensors() if suffix == ".safetensors" else loaded.graph()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["architecture", "size", "raster", "half_height_mv", "sha256"])
def test_a_card_that_does_not_say_enough_is_an_error_that_names_the_weights(path, name):
    card = json.loads(path.with_suffix(".json").read_text())
    del card[name]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=rf"w\.safetensors: .*{name}"):
        load_weights(path)


def test_no_card_is_an_error_that_names_the_weights(path):
    path.with_suffix(".json").unlink()
    with pytest.raises(DataError, match=r"w\.safetensors"):
        load_weights(path)


def test_a_graph_that_is_none_is_an_error_that_names_the_weights(path):
    with pytest.raises(DataError, match=r"w\.safetensors: its graph cannot be loaded"):
        Network(load_weights(path))


def test_a_graph_of_another_raster_than_its_cards_is_an_error():
    other = replace(load_weights(SHIPPED), spec=SPEC)  # five samples a column, the graph gives two
    with pytest.raises(DataError, match="its card expects"):
        Network(other)


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED_ANY])
def test_the_shipped_files_belong_together(path):
    loaded = load_weights(path)
    assert loaded.tensors() and loaded.graph()


def test_the_shipped_files_fit_a_repository():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 25e6
