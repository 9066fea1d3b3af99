"""The network as it reads: strips turned round, and without a training library."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import get_type_hints

import numpy as np
import pytest
import torch

from ecgpipe import params
from ecgpipe.base.errors import ParamsError
from ecgpipe.page.layout import KIT
from ecgpipe.trace.decode import decode_heights
from ecgpipe.trace.network import Network
from ecgpipe.trace.reader import Flips, TraceReader, read_strips, shown
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.trace.weights import SHIPPED, load_weights
from ecgpipe.training.architectures import build_model
from ecgpipe.training.data import row_series
from ecgpipe.training.export import save_model
from tests.drawn import SMALL_FRAME, drawn_frame, wave

SPEC, SMALL = StripSpec(), StripSpec(SMALL_FRAME)
ROWS, SAMPLES = SMALL.rows, SMALL.samples


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
    np.testing.assert_allclose(flipped[0, :-1], plain[0, :-1], atol=1e-4)
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


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    network = build_model("unet", "tiny", SMALL.samples_per_px)
    save_model(path, network, architecture="unet", size="tiny", spec=SMALL, about={"steps": 0})
    return path


def test_reading_twice_gives_the_same_bytes_and_nothing_outside_the_picture(weights):
    reader = TraceReader.load(weights)
    frame = drawn_frame(row_series(wave(np.random.default_rng(0)), FS_HZ, KIT), SMALL_FRAME)
    inside = np.ones(SMALL_FRAME.shape, bool)
    inside[:, round(KIT.x_mm(KIT.windows[-1], 9.0) * SMALL_FRAME.px_per_mm_x) :] = False
    first, second = (reader.read(frame, inside, SMALL_FRAME) for _ in range(2))
    assert first.mv.tobytes() == second.mv.tobytes() and first.sigma_mv.tobytes() == second.sigma_mv.tobytes()
    assert first.mv.shape == first.sigma_mv.shape == (ROWS, SAMPLES)
    assert np.isnan(first.mv[:, 4520:]).all() and np.isfinite(first.mv[:3, :4480]).all()


def test_where_a_row_has_left_the_picture_a_line_of_the_grid_is_not_taken_for_it():
    usual = SMALL.baseline(3)
    height = np.full((ROWS, SAMPLES), usual, np.float32)
    height[3, 4500:] -= 60  # a grid line above the trace, which is cut off there
    inside = np.ones(SMALL_FRAME.shape, bool)
    cut = inside[:, round(KIT.x_mm(KIT.windows[-1], 9.0) * SMALL_FRAME.px_per_mm_x) :]
    cut[round(KIT.baselines_mm[3] * SMALL_FRAME.px_per_mm_y) - 20 :] = False
    seen = shown(height, inside, SMALL, tuple(range(ROWS)))
    assert seen[:3].all() and seen[3, :4480].all() and not seen[3, 4520:].any()


def test_flips_average_what_the_network_says_each_way(weights):
    spec = StripSpec(SMALL_FRAME, half_height_mv=0.1)
    read = Network(replace(load_weights(weights), spec=spec))
    frame = drawn_frame(row_series(wave(np.random.default_rng(0)), FS_HZ, KIT), SMALL_FRAME)
    strip = frame[: spec.height, : spec.width]

    def mirrored(logits: np.ndarray) -> np.ndarray:
        """Samples of a strip read from right to left: a column's first lies at its centre, the others right of it."""
        return np.roll(logits[::-1], 1 - spec.samples_per_px, axis=0)

    said = [read(strip), read(strip[::-1].copy())[:, ::-1]]
    said += [mirrored(read(strip[:, ::-1].copy())), mirrored(read(strip[::-1, ::-1].copy()))[:, ::-1]]
    expected, _ = decode_heights(sum(said) / 4)
    np.testing.assert_allclose(read_strips(read, strip[None], "both")[0][0], expected, rtol=1e-5)
    assert not np.allclose(read_strips(read, strip[None])[0][0], expected)


def test_a_frame_of_another_raster_is_refused(weights):
    with pytest.raises(ParamsError, match="raster"):
        TraceReader.load(weights).read(
            np.zeros((*SPEC.frame.shape, 3), np.uint8), np.ones(SPEC.frame.shape), SPEC.frame
        )
