"""Training data: frames with their truth, cut into random crops of random rows, a little altered."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.trace.strips import FS_HZ, StripSpec

ENDS_SHARE = 0.5  # of crops that are sure to hold an end of a window, where pulses and separators cover the trace


@dataclass(frozen=True)
class FrameSample:
    """A frame (H, W, 3) uint8 RGB, its mask (H, W) bool, and the truth (12, n) in mV at `fs_hz`, NaN if unknown."""

    frame: np.ndarray
    inside: np.ndarray
    truth: np.ndarray
    fs_hz: float
    kind: str = ""


class Frames(Protocol):
    """A sequence of frames, each of which may be read only when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> FrameSample: ...


Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class Augmentation:
    """How crops are altered: `flip_share` of them turned in time, as many upside down; colour, contrast and sharpness
    changed by little, `colour_strength` times, 0 leaving them as they are."""

    flip_share: float = 0.25
    colour_strength: float = 1.0


USUAL = Augmentation()


class Strips(NamedTuple, Generic[Array]):
    """A page's rows: `images` (rows, H, W, 3) uint8 and `heights` (rows, T) float32 in strip px, NaN if unknown."""

    images: Array
    heights: Array
    kind: str = ""


def row_series(truth: np.ndarray, fs_hz: float, layout: PageLayout) -> np.ndarray:
    """The printed rows (rows, samples) in mV at 500 Hz of a truth (12, n) at `fs_hz`: each window where it stands on
    the paper, NaN where none does."""
    n = round(layout.printed_s * fs_hz)
    rows = np.full((layout.rows, n), np.nan)
    for window in layout.windows:
        recorded = truth[LEADS.index(window.lead), layout.samples(window, truth.shape[1])]
        rows[window.row, layout.printed_samples(window, n)] = recorded * window.gain_ratio
    t_in, t_out = np.arange(n) / fs_hz, np.arange(round(layout.printed_s * FS_HZ)) / FS_HZ
    series = CubicSpline(t_in, np.nan_to_num(rows), axis=1)(t_out)
    known = [np.interp(t_out, t_in, np.isfinite(row), right=0.0) > 0.999 for row in rows]
    return np.where(known, series, np.nan).astype(np.float32)


def heights_of(series: np.ndarray, spec: StripSpec) -> np.ndarray:
    """Strip px (rows, T) for every output column of row series (rows, samples) in mV; NaN outside the recording."""
    heights = np.full((spec.rows, spec.width * spec.samples_per_px), np.nan, np.float32)
    printed = slice(spec.first_sample, spec.first_sample + spec.samples)
    heights[:, printed] = spec.baselines - series * spec.frame.raster.px_per_mv
    return heights


def strips_of(sample: FrameSample, spec: StripSpec) -> Strips[np.ndarray]:
    """The strips of a stored frame with the heights that its truth asks for."""
    heights = heights_of(row_series(sample.truth, sample.fs_hz, spec.frame.layout), spec)
    return Strips(spec.cut_all(sample.frame, sample.inside), heights, sample.kind)


def random_crop(
    strips: Strips[np.ndarray],
    row: int,
    columns: int,
    windows: int,
    rng: np.random.Generator,
    augmentation: Augmentation = USUAL,
) -> tuple[np.ndarray, np.ndarray]:
    """A stretch of `columns` px of one row, altered: image (H, columns, 3) uint8 and its heights.

    `windows` equally long ones stand side by side on the page.
    """
    width = strips.images.shape[2]
    per_px = strips.heights.shape[1] // width
    left = _random_left(strips.heights[row], width, columns, windows, rng)
    image = strips.images[row, :, left : left + columns]
    return altered(image, strips.heights[row, left * per_px : (left + columns) * per_px], rng, augmentation)


def altered(
    image: np.ndarray, heights: np.ndarray, rng: np.random.Generator, augmentation: Augmentation = USUAL
) -> tuple[np.ndarray, np.ndarray]:
    """A crop (H, W, 3) uint8 and its heights (T,), flipped now and then, in a little other light."""
    if rng.random() < augmentation.flip_share:
        image, heights = flipped_time(image, heights)
    if rng.random() < augmentation.flip_share:
        image, heights = image[::-1], image.shape[0] - 1 - heights
    return _recoloured(image, rng, augmentation.colour_strength), heights


def _random_left(heights: np.ndarray, width: int, columns: int, windows: int, rng: np.random.Generator) -> int:
    """First column of a crop: anywhere, or so that it holds one of the ends of `windows`."""
    known = np.flatnonzero(np.isfinite(heights))
    if len(known) == 0 or rng.random() > ENDS_SHARE:
        return int(rng.integers(0, width - columns + 1))
    end = rng.choice(np.linspace(known[0], known[-1], windows + 1)) * width / len(heights)
    return int(np.clip(end - rng.uniform(0, columns), 0, width - columns))


def flipped_time(image: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A strip's image (H, W, 3) and heights (T,) read from right to left.

    A column's first sample lies at its centre and the others to the right, so the flip leaves the last ones unknown.
    """
    columns = image.shape[1]
    last_centre = len(heights) // columns * (columns - 1)
    flipped = np.full_like(heights, np.nan)
    flipped[: last_centre + 1] = heights[last_centre::-1]
    return image[:, ::-1], flipped


def _recoloured(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Small changes of colour, contrast and sharpness that leave the trace where it is."""
    if strength == 0:
        return image
    if rng.random() < 0.15 * strength:
        image = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    if rng.random() < 0.3 * strength:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)))
    gain = rng.uniform(1 - 0.08 * strength, 1 + 0.08 * strength, 3)
    gamma = rng.uniform(0.7**strength, 1.4**strength)
    table = 255 * gain * (np.arange(256)[:, None] / 255) ** gamma
    return cv2.LUT(np.ascontiguousarray(image), np.clip(table, 0, 255).astype(np.uint8)[None])


class CropDataset(Dataset):
    """Item i is one crop of every row of frame i modulo their number, reproducible from `seed` and i."""

    def __init__(
        self,
        frames: Frames,
        spec: StripSpec,
        *,
        columns: int,
        items: int,
        seed: int,
        augmentation: Augmentation = USUAL,
    ):
        self.frames, self.spec, self.columns, self.items, self.seed = frames, spec, columns, items, seed
        self.augmentation = augmentation

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng((self.seed, index))
        strips = strips_of(self.frames[index % len(self.frames)], self.spec)
        windows = self.spec.frame.layout.columns
        rows = range(self.spec.rows)
        return [random_crop(strips, row, self.columns, windows, rng, self.augmentation) for row in rows]


class WholeStrips(Dataset):
    """Item i is the strips of frame i, unaltered, for validation."""

    def __init__(self, frames: Frames, spec: StripSpec):
        self.frames, self.spec = frames, spec

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Strips[np.ndarray]:
        return strips_of(self.frames[index], self.spec)


def collate_crops(items: list[list[tuple[np.ndarray, np.ndarray]]]) -> tuple[Tensor, Tensor]:
    """Images (N, H, W, 3) uint8 and heights (N, T) of the crops of several items."""
    images, heights = zip(*(crop for item in items for crop in item), strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(heights))


class TraceData(pl.LightningDataModule):
    """Crops of `train_frames` for `steps` batches, in an order shuffled by `seed`; whole strips of `val_frames`."""

    def __init__(
        self,
        train_frames: Frames,
        val_frames: Frames,
        *,
        spec: StripSpec,
        crop_columns: int,
        batch_size: int,
        steps: int,
        seed: int,
        augmentation: Augmentation = USUAL,
        workers: int = 0,
    ):
        super().__init__()
        self.frames_per_batch = max(batch_size // spec.rows, 1)
        items = steps * self.frames_per_batch
        self.train = CropDataset(
            train_frames, spec, columns=crop_columns, items=items, seed=seed, augmentation=augmentation
        )
        self.val = WholeStrips(val_frames, spec)
        self.seed, self.workers = seed, workers

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            self.train,
            batch_size=self.frames_per_batch,
            shuffle=True,
            generator=torch.Generator().manual_seed(self.seed),
            collate_fn=collate_crops,
            num_workers=self.workers,
        )

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=None, num_workers=self.workers)
