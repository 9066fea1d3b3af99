"""How a training shows its progress: lines where there is no terminal, nothing on standard output."""

import io

import pytest
import pytorch_lightning as pl
import torch
from rich.console import Console
from torch.utils.data import DataLoader

from ecgpipe.training.progress import ShowProgress, clock


class Slope(pl.LightningModule):
    """The least that can be trained."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def progress(self) -> float:
        return self.trainer.global_step / self.trainer.max_steps

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        loss = (self.weight * batch).square().mean()
        self.log("loss", loss.detach())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def train(callback: ShowProgress) -> None:
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(accelerator="cpu", max_steps=4, callbacks=[callback], **quiet)
    trainer.fit(Slope(), DataLoader(torch.ones(8, 1)))


@pytest.mark.parametrize(("every_s", "steps"), [(0.0, [1, 2, 3, 4]), (60.0, [4])])
def test_lines_come_every_few_seconds_and_at_the_end(every_s, steps):
    text = io.StringIO()
    train(ShowProgress("train", every_s=every_s, lines=Console(file=text)))
    lines = text.getvalue().splitlines()
    assert [line.split(", loss")[0] for line in lines] == [f"train: step {step}, {step / 4:.0%}" for step in steps]
    assert all("steps/s" in line for line in lines) and lines[-1].endswith("0:00:00 left")


def test_without_a_terminal_standard_output_is_left_alone(capfd):
    train(ShowProgress("train"))
    captured = capfd.readouterr()
    assert "train:" not in captured.out and "train: step 4, 100%" in captured.err


def test_a_time_is_read_as_on_a_clock():
    assert [clock(seconds) for seconds in (0, 59.6, 3725)] == ["0:00:00", "0:01:00", "1:02:05"]
