"""The diffusion: its sampler draws from what is asked, its denoiser learns where a strip hides the truth."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ecgpipe.base.errors import DataError
from ecgpipe.training.diffusion.completion import Completer
from ecgpipe.training.diffusion.denoiser import Denoiser, coarse_strips
from ecgpipe.training.diffusion.process import preconditioned, sampled, sampling_levels
from ecgpipe.training.diffusion.training import DenoisingModule, Readings

T, HEIGHT, WIDTH = 128, 32, 64  # samples and px of a small strip, two samples a px
HIDDEN = slice(48, 80)
SIGMA_MV = 0.1


def test_the_sampler_draws_from_the_posterior_that_its_denoiser_means():
    mean, spread = torch.tensor([0.3, -1.0, 0.0, 0.5]), torch.tensor([0.5, 0.2, 0.05, 1.0])

    def exact(x: Tensor, level: Tensor) -> Tensor:
        """The mean of y ~ N(mean, spread) given x = y + level n."""
        noise = level[:, None].square()
        return (x * spread.square() + mean * noise) / (spread.square() + noise)

    noise = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0))
    drawn = sampled(exact, noise, steps=14)
    assert (drawn.mean(0) - mean).abs().max() < 0.05
    assert (drawn.std(0) / spread - 1).abs().max() < 0.1


def test_the_samplers_levels_fall_to_nothing_ever_more_slowly():
    levels = sampling_levels(12)
    steps = -levels.diff()
    assert len(levels) == 13 and levels[-1] == 0
    assert (steps > 0).all() and (steps[:-1].diff() < 0).all()


def test_an_untrained_network_denoises_as_well_as_one_can_who_sees_one_sample():
    level = torch.tensor([0.01, 0.5, 10.0])
    denoised = preconditioned(lambda x, log_level: torch.zeros_like(x), torch.ones(3, 4), level)
    torch.testing.assert_close(denoised[:, 0], 0.25 / (0.25 + level**2))


def test_the_denoiser_takes_rows_of_any_length_and_strips_of_any_height():
    network = Denoiser((8, 16), features=4)
    for height, length in ((32, 64), (64, 160)):
        coarse = coarse_strips(torch.zeros(2, height, length // 2, 3, dtype=torch.uint8))
        known = network.known(coarse, torch.zeros(2, length), torch.ones(2, length))
        assert network(torch.randn(2, length), torch.zeros(2), known).shape == (2, length)


def blotted(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Strips (N, H, W, 3) with a blot that hides part of them, and their truth (N, T) in mV: waves of chance height."""
    strips = np.full((count, HEIGHT, WIDTH, 3), 204, np.uint8)
    strips[:, :, HIDDEN.start // 2 : HIDDEN.stop // 2] = 0
    bump = np.exp(-0.5 * ((np.arange(T) - T / 2) / 8) ** 2)
    return strips, (rng.normal(0, 0.1, (count, 1)) * bump).astype(np.float32)


@pytest.fixture(scope="module")
def completer() -> Completer:
    """One trained on readings that are right where there is no blot and 0 mV below it, equally sure of both."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # so small a network is slower on more
    rng = np.random.default_rng(0)
    module = DenoisingModule(Denoiser((16, 16), features=8), learning_rate=0.0)
    module.log = lambda *_: None  # type: ignore[method-assign]
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(160):
        strips, truth = blotted(8, rng)
        read = truth.copy()
        read[:, HIDDEN] = 0
        batch = Readings(
            coarse_strips(torch.from_numpy(strips)),
            torch.from_numpy(read),
            torch.full((8, T), SIGMA_MV),
            torch.from_numpy(truth),
        )
        optimizer.zero_grad()
        module.training_step(batch, 0).backward()
        optimizer.step()
    return Completer(module.model)


def test_what_is_hidden_gets_the_larger_spread_after_training(completer):
    strips, truth = blotted(1, np.random.default_rng(1))
    read = truth[0].copy()
    read[HIDDEN] = 0
    done = completer(strips[0], read, np.full(T, SIGMA_MV, np.float32), count=32)
    top = slice(T // 2 - 4, T // 2 + 4)
    seen = np.r_[8 : HIDDEN.start - 8, HIDDEN.stop + 8 : T - 8]
    assert done.samples.shape == (32, T)
    assert done.std[top].mean() > 3 * done.std[seen].mean()
    assert 0.05 < done.std[top].mean() < 0.2  # 0.1 mV, as the waves have


def test_a_sample_is_of_one_piece(completer):
    strips, _ = blotted(1, np.random.default_rng(2))
    done = completer(strips[0], np.zeros(T, np.float32), np.full(T, SIGMA_MV, np.float32), count=64)
    first, second = done.samples[:, T // 2 - 4], done.samples[:, T // 2 + 4]
    assert np.corrcoef(first, second)[0, 1] > 0.8


def test_the_same_seed_gives_the_same_samples_and_what_was_not_read_is_bridged(completer):
    strips, truth = blotted(1, np.random.default_rng(3))
    read = truth[0].copy()
    read[HIDDEN] = np.nan
    calls = [completer(strips[0], read, np.full(T, SIGMA_MV), count=3, seed=seed) for seed in (5, 5, 6)]
    assert np.isfinite(calls[0].samples).all()
    np.testing.assert_array_equal(calls[0].samples, calls[1].samples)
    assert not np.allclose(calls[0].samples, calls[2].samples)


@pytest.mark.parametrize(
    ("strip", "mv", "message"),
    [
        (np.zeros((HEIGHT, WIDTH, 3)), np.zeros(T), "strip float64"),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros(T - 1), r"a reading \(127,\)"),
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full(T, np.nan), "no sample that was read"),
    ],
)
def test_what_does_not_belong_together_is_one_line(completer, strip, mv, message):
    with pytest.raises(DataError, match=message):
        completer(strip, mv, np.ones(len(mv)))
