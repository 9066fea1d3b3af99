"""Training data: pairs drawn in random order, pictures a little altered."""

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset

from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import Augmentation


class Draws(Dataset):
    """`items` draws from the `chosen` rows of `pairs`: all of them in turn, in a new order each time.

    Item i is a picture (height, width, colours) uint8 and its signal (channels, samples) float32 in mV; it follows from
    `seed` and i alone.
    """

    def __init__(self, pairs: Pairs, chosen: np.ndarray, augmentation: Augmentation, *, items: int, seed: int):
        self.pairs, self.chosen, self.augmentation = pairs, chosen, augmentation
        self.items, self.seed = items, seed

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        turn, place = divmod(index, len(self.chosen))
        row = np.random.default_rng([self.seed, turn]).permutation(self.chosen)[place]
        rng = np.random.default_rng([self.seed, turn, place])
        return altered(np.array(self.pairs.images[row]), np.array(self.pairs.signals[row]), self.augmentation, rng)


def draws_loader(draws: Draws, *, batch_size: int, workers: int) -> DataLoader:
    """Batches of `draws`: images (N, height, width, colours) uint8 and signals (N, channels, samples)."""
    return DataLoader(draws, batch_size=batch_size, num_workers=workers)


def altered(
    image: np.ndarray, signal: np.ndarray, how: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its signal: both mirrored in time now and then, the picture moved, lit otherwise and made noisy."""
    if rng.random() < how.mirror_share:
        image, signal = image[:, ::-1], signal[:, ::-1]
    height, width = image.shape[:2]
    right, down = rng.integers(-how.shift_px, how.shift_px + 1, 2)
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(np.ascontiguousarray(image), move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    contrast, brightness = np.array([how.contrast, how.brightness]) * rng.uniform(-1, 1, 2)
    levels = (moved.reshape(image.shape) - 127.5) * (1 + contrast) + 127.5 + 255 * brightness
    levels += rng.normal(0, 255 * how.noise, image.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8), np.ascontiguousarray(signal)
