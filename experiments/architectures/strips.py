"""The strips that architectures are compared on: simulated pages of the kit's layout, made once and kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.utils.data import IterableDataset

from ecgpipe.base.files import atomic_path
from ecgpipe.page.geometry import FrameSpec, Raster, resample
from ecgpipe.synth.layouts import random_page
from ecgpipe.synth.page import draw_page
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.training.data import altered
from experiments.architectures.stains import stained
from pretrain.canvases import worn
from pretrain.pages import Signals, ink_px, random_slip, slipped

# Half the shipped raster: minutes of a CPU show four times as many pages as they would at its full one.
SPEC = StripSpec(FrameSpec(raster=Raster(125.0, 40.0)))
DRAWN_PX_PER_MM = 6.0  # 150 dpi
STAINED_SHARE = 0.5  # of the crops that a reader is trained on


@dataclass(frozen=True)
class StripSet:
    """Rows of pages, kept on disk: `images` (n, H, W, 3) uint8 and `heights` (n, T) float32 strip px, NaN if unknown.

    The rows of a page follow each other.
    """

    images: np.ndarray
    heights: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def strip_set(folder: Path, signals: Signals, pages: int, seed: int) -> StripSet:
    """The rows of `pages` random pages of `signals`, made unless `folder` has them."""
    images, heights = folder / "images.npy", folder / "heights.npy"
    if not (images.exists() and heights.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(images, heights, signals, pages, seed)
    return StripSet(np.load(images, mmap_mode="r"), np.load(heights))


def _make(images_file: Path, heights_file: Path, signals: Signals, pages: int, seed: int) -> None:
    cv2.setNumThreads(1)
    rows = SPEC.rows
    heights = np.zeros((pages * rows, SPEC.width * SPEC.samples_per_px), np.float32)
    with atomic_path(images_file) as temporary:
        shape = (pages * rows, SPEC.height, SPEC.width, 3)
        with temporary.open("wb") as out:  # whatever the temporary file's name ends with
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(out, header)
            for page in track(range(pages), f"pages of {images_file.parent.name}"):
                strips, ink = _page(signals, np.random.default_rng((seed, page)))
                out.write(strips.tobytes())
                heights[page * rows : (page + 1) * rows] = ink
    with atomic_path(heights_file) as temporary, temporary.open("wb") as out:
        np.save(out, heights)


def _page(signals: Signals, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One page's strips (rows, H, W, 3) and the heights (rows, T) px of its ink in them."""
    layout, style, print_ = random_page(rng, kit_share=1.0)
    series = signals.draw(rng, layout.duration_s, most_mv=10.0)
    page = draw_page(series, FS_HZ, style, layout, print_=print_, px_per_mm=DRAWN_PX_PER_MM)
    picture = worn(page, layout, DRAWN_PX_PER_MM, rng.uniform(4.0, DRAWN_PX_PER_MM), rng)
    slip = random_slip(rng, layout)
    frame, inside = resample(picture.image, slipped(picture.page_map, slip, layout), SPEC.frame)
    tops = np.array([SPEC.top(row) for row in range(SPEC.rows)])[:, None]
    return SPEC.cut_all(frame, inside), ink_px(series, print_, slip, inside, SPEC) - tops


class CropBatches(IterableDataset):
    """Endless batches of random crops of a set's strips, half of them stained: images (N, H, columns, 3) uint8 and
    heights (N, T) px, of what is hidden too."""

    def __init__(self, strips: StripSet, *, columns: int, batch_size: int, seed: tuple[int, ...]):
        self.strips, self.columns, self.batch_size, self.seed = strips, columns, batch_size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng(self.seed)
        while True:
            images, heights = zip(*(self._crop(rng) for _ in range(self.batch_size)), strict=True)
            yield torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(heights))

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        row = int(rng.integers(len(self.strips)))
        left, per_px = int(rng.integers(SPEC.width - self.columns + 1)), SPEC.samples_per_px
        image = self.strips.images[row, :, left : left + self.columns]
        heights = self.strips.heights[row, left * per_px : (left + self.columns) * per_px]
        if rng.random() < STAINED_SHARE:
            image, _ = stained(image, heights, SPEC, rng)
        return altered(image, heights, rng)
