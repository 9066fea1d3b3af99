import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecgpipe import params
from ecgpipe.base.errors import ParamsError
from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.trace.decode import decode_heights, to_mv
from ecgpipe.trace.network import Network
from ecgpipe.trace.reader import TraceReader, _logits, read_strips, shown
from ecgpipe.trace.strips import FS_HZ, PAPER, StripSpec, flatten_light
from ecgpipe.trace.weights import load_weights
from ecgpipe.training.architectures import build_model
from ecgpipe.training.data import FrameSample, random_crop, row_series, strips_of
from ecgpipe.training.export import save_model
from ecgpipe.training.losses import expected_height
from ecgpipe.training.train import fit

SMALL_FRAME = FrameSpec(raster=Raster(100, 20))  # a tenth of the pixels, 5 samples a column
SPEC, SMALL = StripSpec(), StripSpec(SMALL_FRAME)
ROWS, SAMPLES = SPEC.rows, SPEC.samples


def wave(rng: np.random.Generator) -> np.ndarray:
    """A smooth series (12, 5000) in mV."""
    t = np.arange(SAMPLES) / FS_HZ
    return np.stack([np.sin(2 * np.pi * rng.uniform(0.3, 1) * t + rng.uniform(0, 6)) for _ in LEADS]) * 0.6


def drawn_frame(rows: np.ndarray, spec: FrameSpec) -> np.ndarray:
    """A white frame (H, W, 3) with the row series (4, 5000) in mV drawn on it, a soft line 0.5 mm wide."""
    height, width = spec.shape
    y = np.arange(height)[:, None]
    x_mm = np.arange(width) / spec.px_per_mm_x
    frame = np.full((height, width), 255.0)
    for row, mv in enumerate(rows):
        centre = np.interp(
            x_mm, KIT.left_mm + np.arange(SAMPLES) / FS_HZ * KIT.speed_mm_per_s, mv, left=np.nan, right=np.nan
        )
        centre = spec.baseline_px(row) - centre * spec.raster.px_per_mv
        ink = np.exp(-(((y - centre) / spec.px_per_mm_y / 0.4) ** 2))
        frame = np.minimum(frame, 255 - 235 * np.nan_to_num(ink))
    return np.repeat(frame[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def sample():
    truth = wave(np.random.default_rng(1))
    frame = drawn_frame(row_series(truth, FS_HZ, KIT), SMALL_FRAME)
    return FrameSample(frame, np.ones(SMALL_FRAME.shape, bool), mask_windows(truth), FS_HZ, "0001")


# ---- strips


@pytest.mark.parametrize("row", range(ROWS))
def test_a_line_drawn_at_a_known_voltage_is_cut_where_the_decoder_looks_for_it(row):
    mv = np.full((ROWS, SAMPLES), 0.75)
    strip = SPEC.cut(drawn_frame(mv, SPEC.frame), row, fill=255).astype(float)[..., 0]
    column = SPEC.first_sample // SPEC.samples_per_px + 1000
    ink = np.where(np.abs(np.arange(SPEC.height) - SPEC.height / 2 + 60) < 20, 255 - strip[:, column], 0)
    height = (ink * np.arange(SPEC.height)).sum() / ink.sum()
    assert to_mv(height, SPEC.baseline(row), SPEC.frame.raster.px_per_mv) == pytest.approx(0.75, abs=0.002)


def test_the_first_sample_is_at_time_zero():
    frame = np.zeros((*SPEC.frame.shape, 3), np.uint8)
    frame[:, round(KIT.left_mm * SPEC.frame.px_per_mm_x)] = 255
    assert SPEC.cut(frame, 0)[256, SPEC.first_sample // SPEC.samples_per_px, 0] == 255


def test_strips_hold_the_whole_recording_and_divide_by_32():
    for spec in (SPEC, SMALL):
        assert spec.height % 32 == spec.width % 32 == 0
        assert spec.first_sample >= 0
        assert spec.first_sample + SAMPLES <= spec.width * spec.samples_per_px


def test_strips_are_blank_paper_outside_page_and_picture():
    frame, inside = np.zeros((*SPEC.frame.shape, 3), np.uint8), np.ones(SPEC.frame.shape, bool)
    inside[:, -800:] = False
    strips = SPEC.cut_all(frame, inside)
    assert strips.shape == (ROWS, SPEC.height, SPEC.width, 3)
    assert (strips[3, -10:] == PAPER).all()  # below the page
    assert (strips[0, :, -600:] == PAPER).all()


@pytest.mark.parametrize("px_per_s", [175.0, 1000.0, 200.0])
def test_a_raster_without_whole_samples_in_a_column_is_refused(px_per_s):
    with pytest.raises(ParamsError, match="px_per_s"):
        StripSpec(FrameSpec(raster=Raster(px_per_s=px_per_s)))


def test_flat_light_removes_a_shadow():
    light = np.linspace(0.4, 1, 800)[None, :, None]
    paper = np.full((400, 800, 3), (240, 230, 200)) * light
    flat = flatten_light(paper.astype(np.uint8))
    assert np.abs(flat.astype(int) - PAPER).max() < 15


# ---- decoding


@pytest.mark.parametrize("second_ridge", [-1e9, -0.5])
def test_decoding_finds_a_ridge_to_a_twentieth_of_a_pixel(second_ridge):
    height = np.linspace(30, 90, 101, dtype=np.float32)
    rows = np.arange(256, dtype=np.float32)
    first = -np.square(rows - height[:, None]) / 4.5
    second = second_ridge - np.square(rows - 200) / 4.5
    decoded, sigma = decode_heights(np.logaddexp(first, second))
    if second_ridge < -10:
        assert np.abs(decoded - height).max() < 0.05 and (sigma < 1).all()
    else:  # torn between two curves: the mean of both, and the deviation says so
        share = 1 / (1 + math.exp(second_ridge))
        assert np.abs(decoded - share * height - (1 - share) * 200).max() < 0.1 and (sigma > 10).all()


# ---- truth


def test_rows_join_the_quarters_of_their_leads():
    series = wave(np.random.default_rng(0))
    rows = row_series(mask_windows(series), FS_HZ, KIT)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[0, 1300:2400], series[LEADS.index("aVR"), 1300:2400], atol=1e-5)
    np.testing.assert_allclose(rows[3], series[LEADS.index("II")], atol=1e-5)


def test_truth_at_another_rate_is_brought_to_500_hz():
    t_in, t_out = np.arange(10250) / 1025, np.arange(SAMPLES) / FS_HZ
    rows = row_series(mask_windows(np.tile(np.sin(9 * t_in), (12, 1))), 1025, KIT)
    np.testing.assert_allclose(rows, np.tile(np.sin(9 * t_out), (ROWS, 1)), atol=1e-4)


def test_unknown_truth_stays_unknown():
    truth = wave(np.random.default_rng(0))
    truth[LEADS.index("I"), 100:200] = np.nan
    unknown = np.isnan(row_series(truth, FS_HZ, KIT)[0])
    assert unknown[100:200].all() and unknown.sum() < 105


@pytest.mark.parametrize("seed", range(6))  # among them each flip
def test_a_crop_takes_its_heights_along_however_it_is_flipped(seed, sample):
    image, heights = random_crop(strips_of(sample, SMALL), 2, 64, 4, np.random.default_rng(seed))
    assert image.shape == (SMALL.height, 64, 3) and heights.shape == (64 * SMALL.samples_per_px,)
    ink = np.clip(PAPER - 30.0 - image.mean(axis=2), 0, None)
    ink[np.abs(np.arange(SMALL.height) - SMALL.height / 2) > 30] = 0  # the next row's
    centre = (ink * np.arange(SMALL.height)[:, None]).sum(axis=0) / ink.sum(axis=0).clip(1e-9)
    truth = heights[:: SMALL.samples_per_px]
    known = np.isfinite(truth) & (ink.sum(axis=0) > 0)
    assert np.median(np.abs(centre - truth)[known]) < 0.15


# ---- weights, reading, training


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
    seen = shown(height, inside, SMALL)
    assert seen[:3].all() and seen[3, :4480].all() and not seen[3, 4520:].any()


def test_flips_average_what_the_network_says_each_way(weights):
    spec = StripSpec(SMALL_FRAME, half_height_mv=0.1)
    read = Network(replace(load_weights(weights), spec=spec))
    strip = drawn_frame(row_series(wave(np.random.default_rng(0)), FS_HZ), SMALL_FRAME)[
        None, : spec.height, : spec.width
    ]
    mean = sum(_logits(read, strip[0], axes) for axes in ((), (0,), (1,), (0, 1))) / 4
    expected, _ = decode_heights(mean)
    np.testing.assert_allclose(read_strips(read, strip, "both")[0][0], expected, rtol=1e-5)
    assert not np.allclose(read_strips(read, strip)[0][0], expected)


def test_a_frame_of_another_raster_is_refused(weights):
    with pytest.raises(ParamsError, match="raster"):
        TraceReader.load(weights).read(
            np.zeros((*SPEC.frame.shape, 3), np.uint8), np.ones(SPEC.frame.shape), SPEC.frame
        )


TRAIN = params.Train(
    seed=3,
    weights="",
    steps=60,
    batch_size=4,
    learning_rate=0.01,
    crop_columns=128,
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


def train_tiny(sample: FrameSample, steps: int, out, start=None) -> dict[str, float]:
    train = replace(TRAIN, steps=steps)
    work = {"frame": SMALL_FRAME, "model": MODEL, "loss": LOSS, "train": train}
    return fit([sample], [sample], **work, out_weights=out, start_weights=start)[0]


def test_a_short_training_learns_to_follow_the_line_and_a_fine_tune_goes_on_from_there(sample, tmp_path):
    trained, tuned = tmp_path / "trained.safetensors", tmp_path / "tuned.safetensors"
    before = train_tiny(sample, 0, tmp_path / "untrained.safetensors")
    after = train_tiny(sample, 50, trained)
    again = train_tiny(sample, 2, tuned, start=trained)
    assert after["error_px_0001"] < 0.25 * before["error_px_0001"]
    assert again["error_px"] < 0.5 * before["error_px"]
    statistics = [load_weights(path).tensors()["stem.0.1.running_mean"] for path in (trained, tuned)]
    np.testing.assert_array_equal(*statistics)


def test_the_same_seed_trains_the_same_weights(sample, tmp_path):
    paths = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    scores = [train_tiny(sample, 2, path) for path in paths]
    for suffix in (".safetensors", ".xml", ".bin", ".json"):
        assert len({path.with_suffix(suffix).read_bytes() for path in paths}) == 1
    assert scores[0] == scores[1]


def test_start_weights_of_another_size_are_refused(sample, weights, tmp_path):
    with pytest.raises(ParamsError, match="does not match"):
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


def test_page_of_the_strip_reaches_past_the_paper():
    assert SPEC.top(3) + SPEC.height > KIT.height_mm * SPEC.frame.px_per_mm_y
    assert SPEC.left + SPEC.width < KIT.width_mm * SPEC.frame.px_per_mm_x
    assert SPEC.baseline(0) - SPEC.height // 2 == pytest.approx(KIT.baselines_mm[0] * 8 % 1)


def test_heights_keep_their_precision_in_mixed_precision():
    rows = torch.arange(512.0)
    logits = -((rows - 301.37) ** 2)[None, None] / 4.5
    with torch.autocast("cpu", torch.bfloat16):
        assert expected_height(logits).item() == pytest.approx(301.37, abs=0.01)
    assert decode_heights(logits[0].numpy())[0].item() == pytest.approx(301.37, abs=0.01)
