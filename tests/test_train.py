"""Training: it learns, goes on from where it was, and is set by its seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecgpipe import params
from ecgpipe.base.errors import ParamsError
from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import KIT
from ecgpipe.trace.reader import TraceReader
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.architectures import ARCHITECTURES, build_model
from ecgpipe.training.data import FrameSample, row_series
from ecgpipe.training.export import save_model
from ecgpipe.training.train import fit
from tests.drawn import SMALL_FRAME, drawn_frame, wave

SMALL = StripSpec(SMALL_FRAME)
TRAIN = params.Train(
    seed=3,
    weights="",
    steps=60,
    batch_size=4,
    learning_rate=0.01,
    crop_columns=64,
    flip_share=0.25,
    colour_strength=1.0,
    workers=0,
    precision="auto",
    accelerator="cpu",
    devices=1,
    nodes=1,
)
MODEL = params.Model(architecture="unet", size="tiny", half_height_mv=3.2)
LOSS = params.Loss(
    column_weight=1.0,
    mse_weight=0.0,
    mae_weight=0.0,
    smooth_l1_weight=0.0,
    frequency_weight=0.0,
    snr_weight=0.0,
    target_sigma_px=1.5,
)


@pytest.fixture(scope="module")
def sample():
    truth = wave(np.random.default_rng(1))
    frame = drawn_frame(row_series(truth, FS_HZ, KIT), SMALL_FRAME)
    return FrameSample(frame, np.ones(SMALL_FRAME.shape, bool), mask_windows(truth), FS_HZ, "0001")


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    network = build_model("unet", "tiny", SMALL.samples_per_px)
    save_model(path, network, architecture="unet", size="tiny", spec=SMALL, about={"steps": 0})
    return path


def train_tiny(sample: FrameSample, steps: int, out, start=None, learning_rate=0.01) -> dict[str, float]:
    train = replace(TRAIN, steps=steps, learning_rate=learning_rate)
    work = {"frame": SMALL_FRAME, "model": MODEL, "loss": LOSS, "train": train}
    return fit([sample], [sample], **work, out_weights=out, start_weights=start)[0]


@pytest.mark.slow
def test_a_short_training_learns_to_follow_the_line_and_a_fine_tune_goes_on_from_there(sample, tmp_path):
    trained, tuned = tmp_path / "trained.safetensors", tmp_path / "tuned.safetensors"
    before = train_tiny(sample, 0, tmp_path / "untrained.safetensors")
    after = train_tiny(sample, 50, trained)
    again = train_tiny(sample, 2, tuned, start=trained, learning_rate=1e-4)
    assert after["error_px_0001"] < 0.02 * before["error_px_0001"]  # 0.09 of 8.3 px
    assert again["error_px"] < 0.02 * before["error_px"]  # 0.09
    statistics = [load_weights(path).tensors()["stem.0.1.running_mean"] for path in (trained, tuned)]
    np.testing.assert_array_equal(*statistics)


@pytest.mark.slow
def test_the_same_seed_trains_the_same_weights(sample, tmp_path):
    paths = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    scores = [train_tiny(sample, 2, path) for path in paths]
    for suffix in (".safetensors", ".xml", ".bin", ".json"):
        assert len({path.with_suffix(suffix).read_bytes() for path in paths}) == 1
    assert scores[0] == scores[1]


def test_start_weights_of_another_size_are_refused(sample, weights, tmp_path):
    with pytest.raises(ParamsError, match="does not match") as error:
        fit(
            [sample],
            [],
            frame=SMALL_FRAME,
            model=replace(MODEL, size="small"),
            loss=LOSS,
            train=TRAIN,
            out_weights=tmp_path / "x.safetensors",
            start_weights=weights,
        )
    assert len(str(error.value)) < 500, "what differs, not all that is known of both"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_architecture_is_trained_from_nothing_and_reads(architecture, sample, tmp_path):
    path = tmp_path / "w.safetensors"
    model = replace(MODEL, architecture=architecture)
    train = replace(TRAIN, steps=1, batch_size=2)
    fit([sample], [], frame=SMALL_FRAME, model=model, loss=LOSS, train=train, out_weights=path)
    traces = TraceReader.load(path).read(sample.frame, sample.inside, SMALL_FRAME)
    assert traces.mv.shape == (SMALL.rows, SMALL.samples) and np.isfinite(traces.sigma_mv).all()
