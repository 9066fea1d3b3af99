"""Endless training pages: a signal printed, pictured, brought to the frame by a slightly wrong map, cut in strips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ecgpipe.competition.dataset import KINDS
from ecgpipe.page.geometry import PageMap, lattice_mm, resample
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import list_wfdb, read_wfdb, simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.strips import FS_HZ, StripSpec
from ecgpipe.training.data import Strips, random_crop, row_series

PHOTOS = ("0005", "0006", "0009", "0010")
PHOTO_LONG_SIDE_PX = (2200, 4100)
SIMULATED_SHARE = 0.3
KIND_WEIGHTS = np.array([2.0 if kind in PHOTOS else 1.0 for kind in KINDS])


@dataclass(frozen=True)
class Signals:
    """Recordings (N, 12, 5000) float32 mV at 500 Hz; simulated ones where there are none or now and then."""

    recordings: np.ndarray

    @staticmethod
    def read(folder: Path | str | None) -> "Signals":
        """All records of a WFDB folder sorted by name, or none."""
        if folder is None:
            return Signals(np.empty((0, 12, 10 * FS_HZ), np.float32))
        return Signals(np.stack([read_wfdb(path) for path in list_wfdb(folder)]).astype(np.float32))

    def split(self, held_out: int) -> tuple["Signals", "Signals"]:
        """All but the last `held_out` recordings, and those."""
        at = max(len(self.recordings) - held_out, 0)
        return Signals(self.recordings[:at]), Signals(self.recordings[at:])

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One ECG (12, 5000) in mV, of a size that varies more than patients do."""
        if len(self.recordings) == 0 or rng.random() < SIMULATED_SHARE:
            series = simulate(rng)
        else:
            series = self.recordings[rng.integers(len(self.recordings))]
        return series * rng.lognormal(0.05, 0.35)


def make_strips(signals: Signals, kind: str, rng: np.random.Generator, spec: StripSpec) -> Strips:
    """One page of `kind` as the reader would meet it, and where the ink of each row truly lies on its frame."""
    series = signals.draw(rng)
    layout = spec.frame.layout
    page = draw_page(series, FS_HZ, PageStyle.random(rng), layout)
    long_side = int(rng.integers(*PHOTO_LONG_SIDE_PX)) if kind in PHOTOS else None
    picture = capture(page, kind, rng, long_side_px=long_side, quarter_turn=0)
    slip = random_slip(rng, layout)
    frame, inside = resample(picture.image, slipped(picture.page_map, slip, layout), spec.frame)
    heights = ink_heights(row_series(series, FS_HZ, layout), slip, inside, spec)
    return Strips(spec.cut_all(frame, inside), heights, kind)


def random_slip(rng: np.random.Generator, layout: PageLayout = KIT, step_mm: float = 2.5) -> PageMap:
    """How far an imperfect rectification looks beside each page point, (rows, cols, 2) mm on a lattice.

    A smooth random field of 0 to 0.15 mm rms, now and then to 0.6, that varies over 10 to 40 mm, plus an error of
    place and scale.
    """
    points = lattice_mm(layout, step_mm)
    smooth_nodes = rng.uniform(10, 40) / step_mm
    field = np.stack([gaussian_filter(rng.normal(size=points.shape[:2]), smooth_nodes / 2) for _ in range(2)], -1)
    field *= rng.uniform(0, 0.15 if rng.random() < 0.7 else 0.6) / field.std()
    centre = points.reshape(-1, 2).mean(axis=0)
    field += rng.normal(0, 0.12, 2) + (points - centre) * rng.normal(0, 0.001, 2)
    return PageMap(field.astype(np.float32), step_mm)


def slipped(page_map: PageMap, slip: PageMap, layout: PageLayout = KIT) -> PageMap:
    """`page_map` looking `slip` beside each page point."""
    points = lattice_mm(layout, slip.step_mm)
    return PageMap(page_map.to_picture(points + slip.nodes).astype(np.float32), slip.step_mm)


def ink_heights(series: np.ndarray, slip: PageMap, inside: np.ndarray, spec: StripSpec) -> np.ndarray:
    """Strip px (rows, T) of the ink of `series` (rows, samples) mV on a frame made with `slip`; NaN where not in it.

    Ink of page point p lies on the frame at about p - slip(p); the curve moves along both axes and is read again at
    the samples' nominal places.
    """
    frame, layout = spec.frame, spec.frame.layout
    columns = spec.width * spec.samples_per_px
    nominal_px = spec.left + np.arange(columns) / spec.samples_per_px
    x_mm = layout.left_mm + np.arange(spec.samples) * layout.speed_mm_per_s / FS_HZ
    heights = np.full((spec.rows, columns), np.nan, np.float32)
    for row, mv in enumerate(series):
        y_px = frame.baseline_px(row) - mv * frame.raster.px_per_mv
        points = np.stack([x_mm, y_px / frame.px_per_mm_y], axis=-1)
        points -= slip.to_picture(points)
        ink_x = np.maximum.accumulate(points[:, 0] * frame.px_per_mm_x)
        ink_y = np.interp(nominal_px, ink_x, points[:, 1] * frame.px_per_mm_y, left=np.nan, right=np.nan)
        shown = np.isfinite(ink_y)
        rows = np.clip(np.nan_to_num(ink_y).round().astype(int), 0, inside.shape[0] - 1)
        shown &= inside[rows, np.clip(nominal_px.astype(int), 0, inside.shape[1] - 1)]
        heights[row] = np.where(shown, ink_y - spec.top(row), np.nan)
    return heights


class PageStream(IterableDataset):
    """Endless `Strips` of random kinds; workers and restarts differ by their seed."""

    def __init__(self, signals: Signals, spec: StripSpec, seed: int):
        self.signals, self.spec, self.seed = signals, spec, seed

    def __iter__(self) -> Iterator[Strips]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            kind = rng.choice(KINDS, p=KIND_WEIGHTS / KIND_WEIGHTS.sum())
            yield make_strips(self.signals, str(kind), rng, self.spec)


class CropStream(IterableDataset):
    """Endless batches of crops from a pool of recent pages, so that a batch mixes pages and each page serves often.

    A new page enters the pool after every `crops_per_page` crops; the makers work in `workers` processes beside.
    """

    def __init__(
        self, pages: PageStream, *, batch_size: int, columns: int, pool: int, crops_per_page: int, workers: int
    ):
        self.pages, self.batch_size, self.columns = pages, batch_size, columns
        self.pool, self.crops_per_page, self.workers = pool, crops_per_page, workers

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # Spawned, as a fork of a process that has used OpenCV's threads hangs.
        maker = iter(
            DataLoader(
                self.pages,
                batch_size=None,
                num_workers=self.workers,
                collate_fn=_as_is,
                multiprocessing_context="spawn",
            )
        )
        rng = np.random.default_rng((self.pages.seed, 1))
        pool: list[Strips] = []
        crops = 0
        while True:
            while len(pool) < min(self.batch_size, self.pool) or crops >= self.crops_per_page:
                page = next(maker)
                if len(pool) < self.pool:
                    pool.append(page)
                else:
                    pool[rng.integers(len(pool))] = page
                crops = max(crops - self.crops_per_page, 0)
            yield self._batch(pool, rng)
            crops += self.batch_size

    def _crop(self, page: Strips, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        windows = self.pages.spec.frame.layout.columns
        return random_crop(page, int(rng.integers(len(page.images))), self.columns, windows, rng)

    def _batch(self, pool: Sequence[Strips], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        picks = rng.choice(len(pool), self.batch_size, replace=len(pool) < self.batch_size)
        crops = [self._crop(pool[pick], rng) for pick in picks]
        images, heights = zip(*crops, strict=True)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(heights))


def _as_is(page: Strips) -> Strips:
    return page


def held_out_pages(signals: Signals, spec: StripSpec, per_kind: int, seed: int) -> list[Strips]:
    """The same `per_kind` pages of each kind every time, for validation."""
    rng = np.random.default_rng(seed)
    return [make_strips(signals, kind, rng, spec) for kind in KINDS for _ in range(per_kind)]
