"""Several weights as one reader: brought to one time, the median taken, and what a misreading does to both."""

import numpy as np
import pytest
import torch

from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.ensemble import MOST_LAG, EnsembleReader, aligned, combined, load_reader
from ecgpipe.trace.reader import TraceReader, Traces
from ecgpipe.trace.strips import StripSpec
from ecgpipe.training.architectures import build_model
from ecgpipe.training.export import save_model

T = np.arange(5000.0)


def wave(late: float = 0.0) -> np.ndarray:
    """A beat every 400 samples, `late` by so many samples."""
    return 1.2 * np.exp(-((((T - late) % 400 - 200) / 6) ** 2)) + 0.2 * np.sin((T - late) / 60)


def traces_of(*lates: float, sigma_mv: float = 0.01) -> Traces:
    mv = np.stack([wave(late) for late in lates]).astype(np.float32)
    return Traces(mv, np.full_like(mv, sigma_mv))


def test_readings_meet_at_the_median_of_their_times_to_a_fiftieth_of_a_sample():
    moved = aligned(np.stack([wave(0.0), wave(0.8), wave(-0.3)]))
    np.testing.assert_allclose(moved[:, 100:-100], np.tile(wave(0.0)[100:-100], (3, 1)), atol=5e-5)
    assert np.abs(wave(0.8) - wave(0.0)).max() > 0.1


def test_two_readings_meet_half_way():
    read = combined([traces_of(0.0, 1.0), traces_of(1.0, 0.0)])
    np.testing.assert_allclose(read.mv[:, 100:-100], np.tile(wave(0.5)[100:-100], (2, 1)), atol=5e-5)


def test_one_misreading_moves_neither_time_nor_the_median_of_three():
    wrong = traces_of(0.0)
    wrong.mv[0, 1000:1500] += 3.0
    read = combined([traces_of(0.4), wrong, traces_of(0.0)])
    assert np.abs(read.mv[0] - wave(0.0))[100:-100].max() < 1e-3  # 7e-4
    assert read.sigma_mv[0, 1200] > 1 and read.sigma_mv[0, 3000] < 0.0101


def test_no_lag_is_found_in_a_flat_row_nor_one_past_the_limit():
    flat = np.stack([np.zeros(5000), np.full(5000, 0.3)])
    np.testing.assert_array_equal(aligned(flat), flat)
    far = aligned(np.stack([wave(0.0), wave(20.0)]))
    assert np.abs(far - np.stack([wave(0.0), wave(20.0)])).max() < np.abs(wave(0) - wave(MOST_LAG)).max()


def test_what_one_reading_does_not_show_the_others_do():
    one, other = traces_of(0.0, 0.0), traces_of(0.0, 0.0)
    one.mv[0, :500] = np.nan
    one.mv[1, :200], other.mv[1, :200] = np.nan, np.nan
    read = combined([one, other])
    np.testing.assert_allclose(read.mv[0], wave(), atol=2e-7)
    assert np.isnan(read.mv[1, :200]).all() and np.isfinite(read.mv[1, 200:]).all()
    assert np.isfinite(read.sigma_mv).all()


def test_two_files_are_read_together_and_one_is_just_a_reader(tmp_path):
    spec = StripSpec(FrameSpec(raster=Raster(50, 20)))
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        network = build_model("unet", "tiny", spec.samples_per_px)
        save_model(path, network, architecture="unet", size="tiny", spec=spec, about={})
    assert isinstance(load_reader(paths[0]), TraceReader) and isinstance(load_reader(paths[:1]), TraceReader)
    both = load_reader(paths)
    assert isinstance(both, EnsembleReader)
    frame = np.random.default_rng(0).integers(0, 256, (*spec.frame.shape, 3)).astype(np.uint8)
    inside = np.ones(spec.frame.shape, bool)
    alone = [load_reader(path).read(frame, inside, spec.frame) for path in paths]
    read = both.read(frame, inside, spec.frame)
    np.testing.assert_array_equal(read.mv, combined(alone).mv)
    assert not np.array_equal(alone[0].mv, alone[1].mv)
    same = load_reader([paths[0], paths[0]]).read(frame, inside, spec.frame)
    np.testing.assert_allclose(same.mv, alone[0].mv, atol=1e-7)


@pytest.mark.parametrize("count", [2, 3])
def test_equal_readings_combine_to_themselves(count):
    read = combined([traces_of(0.0, 5.0)] * count)
    np.testing.assert_allclose(read.mv, traces_of(0.0, 5.0).mv, atol=1e-7)
    np.testing.assert_allclose(read.sigma_mv, 0.01, rtol=1e-5)
