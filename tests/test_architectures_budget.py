"""A training by processor time stops when that is spent, goes on where it stopped, and keeps to one schedule."""

import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from ecgpipe.training.lightning import OneCycleModule
from experiments.architectures.budget import Training


class Line(OneCycleModule):
    """y = 3 x, by one weight; keeps the share of its training at each step."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1, bias=False), learning_rate=0.3)
        self.shares: list[float] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.shares.append(self.progress())
        busy = time.process_time()
        while time.process_time() < busy + 0.01:
            pass
        loss = (self.model(batch) - 3 * batch).square().mean()
        self.log("loss", loss.detach())
        return loss


class Numbers(IterableDataset):
    def __iter__(self) -> Iterator[Tensor]:
        while True:
            yield torch.randn(8, 1)


def test_it_stops_by_the_processors_clock_and_goes_on_from_there(tmp_path):
    training, line = Training("line", tmp_path, seconds=2.0, spent_before=0.5), Line()
    training.go_on(line, Numbers(), until_s=1.0)
    assert 1.0 <= training.spent_s < 1.6
    steps, again = training.steps, Line()
    assert 0 < steps < 60
    training.go_on(again, Numbers(), until_s=2.0)
    assert again.shares[0] >= 0.5 and again.shares[-1] == pytest.approx(1.0, abs=0.1)
    assert 2.0 <= training.spent_s < 2.6 and training.steps == steps + len(again.shares)
    assert training.trained(Line()).weight.item() == pytest.approx(3.0, abs=0.3)


def test_what_is_done_is_not_done_again(tmp_path):
    training = Training("line", tmp_path, seconds=0.2)
    training.go_on(Line(), Numbers(), until_s=0.2)
    before = training.checkpoint.stat().st_mtime_ns
    training.go_on(Line(), Numbers(), until_s=0.2)
    assert training.checkpoint.stat().st_mtime_ns == before
