"""The long training: it goes on in another precision, averages, and leaves weights that read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from ecgpipe.page.geometry import Raster
from ecgpipe.params import load_dataclass
from ecgpipe.trace.network import Network
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.data import Strips
from pretrain import trace
from pretrain.pages import Signals
from tests.conftest import REPOSITORY


class Noise(IterableDataset):
    """Crops of nothing."""

    def __init__(self, pages: object, *, batch_size: int, **_: object):
        self.shape = (batch_size, 128, 64, 3)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield (
                torch.randint(0, 256, self.shape, dtype=torch.uint8),
                torch.full((self.shape[0], self.shape[2] * 5), 64.0),
            )


@pytest.fixture
def config(monkeypatch) -> trace.Pretrain:
    """A training of a few steps on crops of nothing."""
    monkeypatch.setattr(trace, "CropStream", Noise)
    strips = Strips(np.zeros((4, 128, 64, 3), np.uint8), np.full((4, 320), 64.0, np.float32), "0001")
    monkeypatch.setattr(trace, "held_out_pages", lambda *_: [strips])
    config = load_dataclass(trace.Pretrain, REPOSITORY / "pretrain" / "params.yaml")
    tiny = {"weights": None, "max_steps": 2, "batch_size": 2, "accelerator": "cpu"}
    return replace(
        config,
        raster=Raster(100, 20),
        model=replace(config.model, size="tiny"),
        trace=replace(config.trace, **tiny),
    )


def trained(config: trace.Pretrain, work: Path, steps: int, precision: str) -> trace.pl.Trainer:
    config = replace(config, trace=replace(config.trace, max_steps=steps, precision=precision))
    return trace.train(config, Signals(), work)


@pytest.mark.parametrize("precisions", [("32-true", "bf16-mixed"), ("bf16-mixed", "32-true")])
def test_a_stopped_training_goes_on_in_another_precision_and_its_weights_read(config, tmp_path, precisions):
    assert trained(config, tmp_path, 2, precisions[0]).global_step == 2
    assert trained(config, tmp_path, 4, precisions[1]).global_step == 4
    assert (tmp_path / "from_step_2").is_dir()
    trace.export(config, tmp_path, tmp_path / "out" / "w.safetensors")
    weights = load_weights(tmp_path / "out" / "w.safetensors")
    assert weights.card["steps"] == 4
    first, second = weights.card["device"].split("; then ")
    assert precisions[0] in first and precisions[1] in second and "page makers" in first
    strip = np.zeros((weights.spec.height, weights.spec.width, 3), np.uint8)
    assert np.isfinite(Network(weights)(strip)).all()
