"""Any network on disk: its card, and the graph ready to run; what only readers have is in test_weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ecgpipe.base.errors import DataError
from ecgpipe.base.networks import SavedNetwork, save_network
from ecgpipe.training.export import exported

SHAPE = [1, 8, 12, 3]


class Brightness(nn.Module):
    """Pictures (N, 3, H, W) -> their sum over colours (N, 1, H, W)."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.sum(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    save_network(folder / "n.safetensors", {"a": np.float16([1, 2])}, exported(Brightness().eval()), {"steps": 3})
    return folder


def test_a_saved_network_runs_on_the_shape_it_is_asked_for(folder):
    run = SavedNetwork.load(folder / "n.safetensors").compiled(SHAPE, [1, 1, 8, 12])
    picture = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    np.testing.assert_allclose(run(picture)[0][0, 0], picture[0].sum(axis=-1) / 255, rtol=0.02)


def test_threads_are_as_many_as_the_machine_says(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = SavedNetwork.load(folder / "n.safetensors").compiled(SHAPE, [1, 1, 8, 12])
    assert run.get_property("INFERENCE_NUM_THREADS") == 1


def test_another_output_than_expected_is_one_line_that_names_the_network(folder):
    with pytest.raises(DataError, match=r"n\.safetensors: its graph gives \[1, 1, 8, 12\], its card expects \[1, 2"):
        SavedNetwork.load(folder / "n.safetensors").compiled(SHAPE, [1, 2, 8, 12])


def test_the_precision_of_tensors_is_kept_and_the_card_says_what_it_was_told(folder):
    saved = SavedNetwork.load(folder / "n.safetensors")
    assert saved.tensors()["a"].dtype == np.float16 and saved.card["steps"] == 3
    assert set(saved.sha256) == {"tensors", "graph"}


def test_a_card_with_other_hashes_is_refused(folder, tmp_path):
    card = json.loads((folder / "n.json").read_text())
    card["sha256"] = {"tensors": card["sha256"]["tensors"]}
    (tmp_path / "n.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=r"names \['tensors'\] by SHA-256, expected tensors and graph"):
        SavedNetwork.load(tmp_path / "n.safetensors")


def test_the_same_network_is_saved_as_the_same_bytes(folder, tmp_path):
    torch.manual_seed(1)
    save_network(tmp_path / "n.safetensors", {"a": np.float16([1, 2])}, exported(Brightness().eval()), {"steps": 3})
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
