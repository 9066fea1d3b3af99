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
from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.rectify.frames import Frame
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.decode import decode_heights
from ecgpipe.trace.network import Network
from ecgpipe.trace.reader import Flips, TraceReader, close_rows, shown, strip_logits
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.trace.weights import SHIPPED, SHIPPED_ANY, load_weights
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
    plain, _ = decode_heights(strip_logits(top_ink, strip))
    flipped, _ = decode_heights(strip_logits(top_ink, strip, flips))
    np.testing.assert_allclose(flipped[:-1], plain[:-1], atol=1e-6)
    assert np.abs(np.diff(plain)).max() > 0.4  # a sample off would be seen


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
    np.testing.assert_allclose(strip_logits(read, strip, "both"), sum(said) / 4, rtol=1e-5, atol=1e-6)
    assert not np.allclose(strip_logits(read, strip), sum(said) / 4)


def test_a_frame_of_another_raster_is_refused(weights):
    with pytest.raises(ParamsError, match="raster"):
        TraceReader.load(weights).read(
            np.zeros((*SPEC.frame.shape, 3), np.uint8), np.ones(SPEC.frame.shape), SPEC.frame
        )


# ---- strips lower and taller than usual


class Watched:
    """A network that notes how high its strips are."""

    def __init__(self) -> None:
        self.heights: list[int] = []

    def __call__(self, strip: np.ndarray) -> np.ndarray:
        self.heights.append(len(strip))
        ink = np.exp(-strip.mean(axis=-1) / 8.0)
        rows = np.arange(len(strip))[:, None]
        heights = np.repeat((ink * rows).sum(axis=0) / np.maximum(ink.sum(axis=0), 1e-9), SMALL.samples_per_px)
        return (-np.square(np.arange(len(strip)) - heights[:, None]) / 4.5).astype(np.float32)


def frame_of(layout: PageLayout, mv: np.ndarray) -> tuple[np.ndarray, np.ndarray, FrameSpec]:
    spec = replace(SMALL_FRAME, layout=layout)
    rows = np.broadcast_to(mv, (layout.rows, len(mv)))
    return drawn_frame(rows, spec), np.ones(spec.shape, bool), spec


@pytest.mark.parametrize(("pitch_mm", "low"), [(20.0, True), (30.0, False)])
def test_rows_that_stand_close_are_read_in_low_strips(pitch_mm, low):
    layout = compose_layout("3x1", (), first_mm=60.0, pitch_mm=pitch_mm)
    assert close_rows(layout) == low
    network = Watched()
    reader = TraceReader(network, SMALL, low_half_height_mv=1.6, tall_half_height_mv=5.0)
    reader.read(*frame_of(layout, 0.3 * np.sin(np.arange(5000) / 90)))
    assert network.heights == [64 if low else 128] * 3


def test_rows_as_far_apart_as_usual_and_single_rows_are_not_close():
    assert not close_rows(KIT)
    assert not close_rows(replace(KIT, baselines_mm=(60.0,)))


@pytest.mark.parametrize("tall_mv", [None, 5.2])
def test_a_wave_higher_than_the_strip_is_read_again_in_a_taller_one(tall_mv):
    layout = compose_layout("3x1", (), size_mm=(279.4, 340.0), first_mm=60.0, pitch_mm=110.0)
    wave_mv = 4.0 * np.exp(-0.5 * ((np.arange(5000) - 2500) / 400) ** 2)
    network = Watched()
    reader = TraceReader(network, SMALL, tall_half_height_mv=tall_mv)
    read = reader.read(*frame_of(layout, wave_mv))
    error = np.abs(read.mv[1, 2300:2700] - wave_mv[2300:2700])
    assert (error.max() < 0.05) == (tall_mv is not None)
    assert network.heights == [128] * 3 + [224] * 3 * (tall_mv is not None)


def test_waves_that_fit_the_usual_strip_are_read_once():
    layout = compose_layout("3x1", (), first_mm=60.0, pitch_mm=50.0)
    network = Watched()
    TraceReader(network, SMALL, tall_half_height_mv=5.2).read(*frame_of(layout, np.sin(np.arange(5000) / 90)))
    assert network.heights == [128] * 3


def test_the_shipped_reader_of_all_layouts_does_not_cut_a_wave_of_four_millivolts():
    layout = compose_layout("3x1", (), first_mm=70.0, pitch_mm=50.0)
    t_s = np.arange(5000) / FS_HZ
    series = np.zeros((12, 5000))
    series[1] = 4.0 * np.exp(-0.5 * (((t_s % 1.0) - 0.5) / 0.03) ** 2)
    page = draw_page(series, FS_HZ, PageStyle(header=()), layout)
    exact = PageMap.from_function(layout, lambda mm: mm * PX_PER_MM - 0.5)
    frame = Frame.cut(page, exact, FrameSpec(layout))
    read = TraceReader.load(SHIPPED_ANY).read(frame.rgb, frame.inside, frame.spec)
    peaks = read.mv[1].reshape(10, FS_HZ)[1:-1].max(axis=1)
    assert peaks.min() > 3.8 and peaks.max() < 4.1  # 3.82, 3.93
