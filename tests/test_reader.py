"""The network as it reads: strips turned round, and without a training library."""

import os
import subprocess
import sys
from typing import get_type_hints

import numpy as np
import pytest
import torch

from ecgpipe import params
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.network import Network
from ecgpipe.trace.reader import Flips, read_strips
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import Weights
from ecgpipe.training.models import build_model, to_input


def test_params_yaml_may_ask_for_every_flip_there_is():
    assert get_type_hints(params.Read)["flips"] == Flips


def top_ink(strip: np.ndarray) -> np.ndarray:
    """Logits of the blackest row of each column's own sample, and half way to the next column's between."""
    light = strip.mean(axis=-1) / 255
    share = np.exp(-50 * light)
    rows = np.arange(len(strip))
    height = (share * rows[:, None]).sum(axis=0) / share.sum(axis=0)
    nearly = np.append(height[1:], height[-1])
    heights = np.stack([height, (height + nearly) / 2], axis=-1).ravel()
    return (-np.square(rows - heights[:, None]) / 4.5).astype(np.float32)


@pytest.mark.parametrize("flips", ["vertical", "horizontal", "both"])
def test_a_line_is_read_at_the_same_samples_however_the_strip_is_flipped(flips):
    at = np.rint(32 + 20 * np.sin(np.arange(96) / 15)).astype(int)
    strip = np.full((64, 96, 3), 255, np.uint8)
    strip[at, np.arange(96)] = 0
    plain, _ = read_strips(top_ink, strip[None])
    flipped, _ = read_strips(top_ink, strip[None], flips)
    np.testing.assert_allclose(flipped[0, :-1], plain[0, :-1], atol=0.02)
    assert np.abs(np.diff(plain[0])).max() > 0.4  # a sample off would be seen


def test_the_network_that_reads_says_what_the_one_that_was_trained_says(tmp_path):
    torch.manual_seed(0)
    spec = StripSpec(FrameSpec(raster=Raster(100, 20)))
    model = build_model("tiny", spec.samples_per_px)
    strips = torch.randint(0, 256, (4, spec.height, spec.width, 3), dtype=torch.uint8)
    with torch.no_grad():
        for block in model.modules():
            if isinstance(block, torch.nn.BatchNorm2d):
                block.weight.uniform_(0.5, 2.0)
                block.bias.normal_(0.0, 0.3)
        for _ in range(50):
            model(to_input(strips))  # batch norms learn their statistics
        expected = model.eval()(to_input(strips[:1]))[0].numpy()
    weights = Weights(tmp_path / "w.safetensors", model.tensors(), "tiny", spec, {})
    said = Network(weights)(strips[0].numpy())
    assert said.shape == expected.shape and said.dtype == np.float32
    assert np.abs(said - expected).mean() < 0.02 * expected.std()


def test_reading_tells_nobody(tmp_path):
    code = "import sys, ecgpipe.trace.network; print([name for name in sys.modules if 'telemetry.' in name])"
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]" and not list(tmp_path.iterdir()), "OpenVINO leaves a mark when it reports"
