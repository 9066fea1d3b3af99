"""Training draws every pair equally often, in an order that the seed decides; altered pictures keep their truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecgpipe.paired.data import Draws, altered
from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import Augmentation

NONE = Augmentation(mirror_share=0.0, shift_px=0, brightness=0.0, contrast=0.0, noise=0.0)
RNG = np.random.default_rng(1)
IMAGE = RNG.integers(0, 256, (20, 30, 1), dtype=np.uint8)
SIGNAL = RNG.normal(size=(2, 50)).astype(np.float32)
PAIRS = Pairs(
    pd.DataFrame({"ecg_id": list("abcde"), "lead": "I"}),
    np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 4, 4, 1), np.uint8),
    np.arange(5, dtype=np.float32)[:, None, None] + np.zeros((1, 2, 40), np.float32),
)


def draws(items: int = 12, seed: int = 1, chosen=(0, 2, 3)) -> list[int]:
    drawn = Draws(PAIRS, np.array(chosen), NONE, items=items, seed=seed)
    pairs = [drawn[index] for index in range(len(drawn))]
    assert all(image.max() == signal.max() for image, signal in pairs)
    return [int(image.max()) for image, _ in pairs]


def test_each_turn_draws_every_chosen_row_once():
    drawn = draws()
    assert all(sorted(drawn[start : start + 3]) == [0, 2, 3] for start in range(0, 12, 3))


def test_the_seed_decides():
    assert draws() == draws() != draws(seed=2)


def test_without_augmentation_nothing_is_altered():
    image, signal = altered(IMAGE, SIGNAL, NONE, np.random.default_rng(2))
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(signal, SIGNAL)


def test_a_mirrored_picture_has_a_mirrored_signal():
    image, signal = altered(IMAGE, SIGNAL, replace(NONE, mirror_share=1.0), np.random.default_rng(2))
    np.testing.assert_array_equal(image, IMAGE[:, ::-1])
    np.testing.assert_array_equal(signal, SIGNAL[:, ::-1])


def test_a_moved_picture_goes_no_further_than_told_and_keeps_its_signal():
    moved, signal = altered(IMAGE, SIGNAL, replace(NONE, shift_px=3), np.random.default_rng(4))
    padded = np.pad(IMAGE, ((3, 3), (3, 3), (0, 0)), mode="edge")
    views = [padded[top : top + 20, left : left + 30] for top in range(7) for left in range(7)]
    assert sum(np.array_equal(moved, view) for view in views) == 1
    np.testing.assert_array_equal(signal, SIGNAL)


@pytest.mark.parametrize("name", ["brightness", "contrast", "noise"])
def test_light_and_noise_change_levels_by_about_what_is_told(name):
    picture = np.full((40, 40, 1), 200, np.uint8)
    share = 0.05
    changes = [
        altered(picture, SIGNAL, replace(NONE, **{name: share}), np.random.default_rng(seed))[0].astype(int) - 200
        for seed in range(40)
    ]
    assert 0.01 * 255 * share < np.std(changes) < 1.5 * 255 * share
    assert all(change.std() > 0 for change in changes) if name == "noise" else not any(c.std() for c in changes)
