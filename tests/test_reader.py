"""The network as it reads: strips turned round, and without a training library."""

import os
import shutil
import subprocess
import sys
from typing import get_type_hints

import numpy as np
import pytest

from ecgpipe import params
from ecgpipe.trace.reader import Flips, read_strips
from ecgpipe.trace.weights import SHIPPED


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


def test_reading_needs_neither_torch_nor_what_training_goes_on_from(tmp_path):
    for suffix in (".json", ".xml", ".bin"):
        shutil.copyfile(SHIPPED.with_suffix(suffix), tmp_path / f"w{suffix}")
    code = (
        "import sys, pathlib; from ecgpipe.trace.reader import TraceReader;"
        f"TraceReader.load(pathlib.Path({str(tmp_path / 'w.safetensors')!r}));"
        "print({'torch', 'pytorch_lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_reading_tells_nobody(tmp_path):
    code = "import sys, ecgpipe.trace.network; print([name for name in sys.modules if 'telemetry.' in name])"
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]" and not list(tmp_path.iterdir()), "OpenVINO leaves a mark when it reports"
