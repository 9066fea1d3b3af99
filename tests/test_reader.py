"""The network as it reads: strips turned round, and in the form that is quick."""

from typing import get_type_hints

import numpy as np
import pytest
import torch

from ecgpipe import params
from ecgpipe.trace.models import build_model
from ecgpipe.trace.reader import Flips, read_strips


def test_params_yaml_may_ask_for_every_flip_there_is():
    assert get_type_hints(params.Read)["flips"] == Flips


class TopInk(torch.nn.Module):
    """A network that finds the blackest row of each column's own sample, and half way to the next column's between."""

    samples_per_px = 2

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(strip.shape[2], dtype=torch.float32)
        height = (torch.softmax(-50 * strip.float().mean(1), 1) * rows[:, None]).sum(1)  # (N, W)
        nearly = torch.cat([height[:, 1:], height[:, -1:]], 1)
        heights = torch.stack([height, (height + nearly) / 2], -1).flatten(1)
        return -(rows - heights[..., None]).square() / 4.5


@pytest.mark.parametrize("flips", ["vertical", "horizontal", "both"])
def test_a_line_is_read_at_the_same_samples_however_the_strip_is_flipped(flips):
    at = np.rint(32 + 20 * np.sin(np.arange(96) / 15)).astype(int)
    strip = np.full((64, 96, 3), 255, np.uint8)
    strip[at, np.arange(96)] = 0
    plain, _ = read_strips(TopInk(), strip[None])
    flipped, _ = read_strips(TopInk(), strip[None], flips)
    np.testing.assert_allclose(flipped[0, :-1], plain[0, :-1], atol=0.02)
    assert np.abs(np.diff(plain[0])).max() > 0.4  # a sample off would be seen


def test_a_network_for_reading_says_what_the_one_that_was_trained_says():
    torch.manual_seed(0)
    model, strips = build_model("tiny"), torch.rand(4, 3, 64, 96)
    with torch.no_grad():
        for block in model.modules():
            if isinstance(block, torch.nn.BatchNorm2d):
                block.weight.uniform_(0.5, 2.0)
                block.bias.normal_(0.0, 0.3)
        for _ in range(50):
            model(strips)  # batch norms learn their statistics
        expected = model.eval()(strips)
        said = model.for_reading()(strips).float()
    assert {value.dtype for value in model.parameters()} == {torch.float32}, "the trained one stays as it was"
    assert (said - expected).abs().mean() < 0.02 * expected.std()
