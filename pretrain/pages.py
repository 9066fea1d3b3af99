"""Endless training crops: a signal printed on a page of any layout, pictured, brought to the frame by a slightly wrong
map, and cut about its rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ecgpipe.base.files import atomic_path
from ecgpipe.page.geometry import FrameSpec, PageMap, lattice_mm, resample
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.synth.capture import random_capture
from ecgpipe.synth.ecg import list_wfdb, read_wfdb, simulate
from ecgpipe.synth.layouts import KIT_SHARE, random_page
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.printer import Print
from ecgpipe.trace.reader import CLOSE_MM
from ecgpipe.trace.strips import FS_HZ, PAPER, StripSpec, flatten_light
from ecgpipe.training.data import ENDS_SHARE, Strips, altered

T = TypeVar("T")

SIMULATED_SHARE = 0.3
LARGE_SHARE = 0.06  # of ECGs with waves of up to 10 mV
BESIDE_MM = 0.5  # standard deviation of how far a row's strip is cut beside its 0 mV, as on a page of unknown layout
# Rows and columns in px of a crop, alike in area: for usual rows, for rows that stand close, for large waves.
USUAL, CLOSE, LARGE = (512, 384), (320, 608), (832, 224)
SHAPES = (USUAL, CLOSE, LARGE)


@dataclass(frozen=True)
class Signals:
    """Recordings `first` to `stop` of `file`, an array (N, 12, n) int16 in µV as .npy, at 500 Hz; None: there are none.

    The file is mapped into memory, so that any number of page makers share it and start at once.
    """

    file: Path | None = None
    first: int = 0
    stop: int = 0

    @staticmethod
    def read(source: Path | str | None, work: Path) -> "Signals":
        """All recordings of a .npy file, or of a WFDB folder by name, kept as `work`/signals.npy; none for None."""
        if source is None:
            return Signals()
        file = Path(source)
        if file.suffix != ".npy":
            file = work / "signals.npy"
            microvolts = [np.rint(1000 * read_wfdb(path)).astype(np.int16) for path in list_wfdb(source)]
            with atomic_path(file) as temporary, temporary.open("wb") as out:
                np.save(out, np.stack(microvolts))
        return Signals(file, 0, len(_mapped(file)))

    def __len__(self) -> int:
        return self.stop - self.first

    def split(self, held_out: int) -> tuple["Signals", "Signals"]:
        """All but the last `held_out` recordings, and those."""
        at = max(self.stop - held_out, self.first)
        return replace(self, stop=at), replace(self, first=at)

    def draw(self, rng: np.random.Generator, duration_s: float, most_mv: float = np.inf) -> np.ndarray:
        """One ECG (12, n) in mV, at least `duration_s` long, of a size that varies more than patients do.

        It is scaled to `most_mv` at most; where the recording is too short it begins again.
        """
        if self.file is None or not len(self) or rng.random() < SIMULATED_SHARE:
            series = simulate(rng)
        else:
            series = _mapped(self.file)[self.first + rng.integers(len(self))].astype(np.float32) / 1000
        size = rng.uniform(2.0, 4.0) if rng.random() < LARGE_SHARE else rng.lognormal(0.05, 0.35)
        series = series * min(size, most_mv / max(np.abs(series).max(), 1e-3))
        return np.tile(series, -(-round(duration_s * FS_HZ) // series.shape[1]))


@cache
def _mapped(file: Path) -> np.ndarray:
    return np.load(file, mmap_mode="r")


class LabelledFrame(NamedTuple):
    """A page as the reader meets it: its frame in even light (H, W, 3) uint8, and where in it the ink of each row lies,
    (rows, T) float32 px, one column a sample of the strips of `spec`, NaN where none is seen."""

    frame: np.ndarray
    ink: np.ndarray
    spec: StripSpec
    kind: str


def make_frame(
    signals: Signals, rng: np.random.Generator, spec: StripSpec, kit_share: float = KIT_SHARE
) -> LabelledFrame:
    """A random page, `kit_share` of them the kit's, pictured in a random way, on the frame that a slightly wrong page
    map gives."""
    layout, style, print_ = random_page(rng, kit_share=kit_share)
    series = signals.draw(rng, layout.duration_s, most_mv=10.0)
    page = draw_page(series, FS_HZ, style, layout, print_=print_)
    picture = random_capture(page, layout, rng)
    slip = random_slip(rng, layout)
    frame, inside = resample(
        picture.image, slipped(picture.page_map, slip, layout), FrameSpec(layout, spec.frame.raster)
    )
    spec = spec.on(layout)
    light = flatten_light(frame)
    light[~inside] = PAPER
    return LabelledFrame(light, ink_px(series, print_, slip, inside, spec), spec, picture.kind)


def random_slip(rng: np.random.Generator, layout: PageLayout, step_mm: float = 2.5) -> PageMap:
    """How far off an imperfect rectification is at each page point, (rows, cols, 2) mm on a lattice.

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


def slipped(page_map: PageMap, slip: PageMap, layout: PageLayout) -> PageMap:
    """`page_map`, off by `slip` at each point of a page of `layout`."""
    step_mm = min(page_map.step_mm, slip.step_mm)  # fine where a scanner's carriage jumps
    points = lattice_mm(layout, step_mm)
    return PageMap(page_map.to_picture(points + slip.to_picture(points)).astype(np.float32), step_mm)


def ink_px(series: np.ndarray, print_: Print, slip: PageMap, inside: np.ndarray, spec: StripSpec) -> np.ndarray:
    """Frame px (rows, T) of the ink of `series` (12, n) mV on a frame made with `slip`; NaN where none is in it.

    Ink meant for page point p lies at p + shift(p), and on the frame at about p + shift(p) - slip(p): the curve moves
    along both axes and is read again at the places of the strips' samples.
    """
    frame, layout = spec.frame, spec.frame.layout
    nominal_px = spec.left + np.arange(spec.width * spec.samples_per_px) / spec.samples_per_px
    ink = np.full((spec.rows, len(nominal_px)), np.nan, np.float32)
    for window in layout.windows:
        part = layout.samples(window, round(layout.duration_s * FS_HZ))
        x_mm = layout.x_mm(window, np.arange(part.start, part.stop) / FS_HZ)
        points = np.stack([x_mm, layout.y_mm(window, series[LEADS.index(window.lead), part])], axis=-1)
        points = points + np.stack(print_.ink_shift_mm(points[:, 0]), axis=-1)
        points = points - slip.to_picture(points)
        x_px = np.maximum.accumulate(points[:, 0] * frame.px_per_mm_x)
        y_px = np.interp(nominal_px, x_px, points[:, 1] * frame.px_per_mm_y, left=np.nan, right=np.nan)
        ink[window.row] = np.where(np.isnan(y_px), ink[window.row], y_px)
    rows = np.clip(np.nan_to_num(ink).round().astype(int), 0, inside.shape[0] - 1)
    cols = np.clip(nominal_px.astype(int), 0, inside.shape[1] - 1)
    return np.where(inside[rows, cols], ink, np.nan)


class Crops(NamedTuple):
    """Crops of one shape: `images` (n, H, W, 3) uint8 and `heights` (n, T) float32 crop px, NaN if unknown."""

    images: np.ndarray
    heights: np.ndarray


def make_crops(
    signals: Signals, rng: np.random.Generator, spec: StripSpec, count: int, kit_share: float = KIT_SHARE
) -> Crops:
    """`count` crops of one random page, all of one of the `SHAPES`, altered as `training.data` does."""
    page = make_frame(signals, rng, spec, kit_share)
    shape = _shape_for(page, rng)
    crops = [_crop(page, int(rng.integers(page.spec.rows)), shape, rng) for _ in range(count)]
    return Crops(*(np.stack(parts) for parts in zip(*crops, strict=True)))


def _shape_for(page: LabelledFrame, rng: np.random.Generator) -> tuple[int, int]:
    """Low crops where rows stand close, high ones where a wave is large; each now and then elsewhere too."""
    layout = page.spec.frame.layout
    zero_px = np.array(layout.baselines_mm)[:, None] * page.spec.frame.px_per_mm_y
    reach_px = np.nanmax(np.abs(page.ink - zero_px), initial=0.0)
    if reach_px > USUAL[0] / 2:
        return LARGE if rng.random() < 0.7 else USUAL
    pitch_mm = np.diff(layout.baselines_mm).min(initial=100.0)
    return CLOSE if rng.random() < (0.5 if pitch_mm < CLOSE_MM else 0.1) else USUAL


def _crop(
    page: LabelledFrame, row: int, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A stretch of one row about its 0 mV, or a little beside it: image (H, W, 3) uint8 and its heights (T,)."""
    spec, (height, columns) = page.spec, shape
    beside_px = np.clip(rng.normal(0, BESIDE_MM), -2, 2) * spec.frame.px_per_mm_y
    top = round(spec.frame.baseline_px(row) + beside_px) - height // 2
    left = _left(spec, row, columns, rng)
    image = np.full((height, columns, 3), PAPER, np.uint8)
    y, x = max(top, 0), max(spec.left + left, 0)
    seen = page.frame[y : top + height, x : spec.left + left + columns]
    image[y - top : y - top + len(seen), x - spec.left - left : x - spec.left - left + seen.shape[1]] = seen
    heights = page.ink[row, left * spec.samples_per_px : (left + columns) * spec.samples_per_px] - np.float32(top)
    return altered(image, heights, rng)


def _left(spec: StripSpec, row: int, columns: int, rng: np.random.Generator) -> int:
    """First strip column of a crop: anywhere, or so that it holds an end of one of the row's windows."""
    layout = spec.frame.layout
    last = max(spec.width - columns, 0)
    if rng.random() > ENDS_SHARE:
        return int(rng.integers(0, last + 1))
    windows = layout.row_windows(row)
    window = windows[rng.integers(len(windows))]
    end_mm = window.left_mm + rng.integers(2) * window.duration_s * layout.speed_mm_per_s
    return int(np.clip(end_mm * spec.frame.px_per_mm_x - spec.left - rng.uniform(0, columns), 0, last))


class PageStream(IterableDataset):
    """Endless `Crops`, `crops_per_page` of each page; workers and restarts differ by their seed."""

    def __init__(
        self, signals: Signals, spec: StripSpec, *, crops_per_page: int, seed: int, kit_share: float = KIT_SHARE
    ):
        self.signals, self.spec, self.crops_per_page, self.seed = signals, spec, crops_per_page, seed
        self.kit_share = kit_share

    def __iter__(self) -> Iterator[Crops]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            yield make_crops(self.signals, rng, self.spec, self.crops_per_page, self.kit_share)


class CropStream(IterableDataset):
    """Endless batches of crops of one shape, so that a batch mixes many pages; pages are made in `workers` processes.

    Crops wait in a pool of `pool_pages` pages' worth; each is used once, in random order.
    """

    def __init__(self, pages: PageStream, *, batch_size: int, pool_pages: int, workers: int):
        self.pages, self.batch_size, self.workers = pages, batch_size, workers
        self.pool_crops = max(pool_pages * pages.crops_per_page, batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # Spawned, as a fork of a process that has used OpenCV's threads hangs.
        maker = iter(
            DataLoader(
                self.pages,
                batch_size=None,
                num_workers=self.workers,
                collate_fn=_as_is,
                multiprocessing_context="spawn" if self.workers else None,
            )
        )
        rng = np.random.default_rng((self.pages.seed, 1))
        pools: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray]]] = {}
        wanted = self.batch_size  # the pool fills while the training runs
        while True:
            crops = next(maker)
            pool = pools.setdefault(crops.images.shape[1:], [])
            pool.extend(zip(crops.images, crops.heights, strict=True))
            wanted = min(wanted + len(crops.images) // 4, self.pool_crops)
            while len(pool) >= self.batch_size and sum(map(len, pools.values())) > wanted:
                yield _taken(pool, self.batch_size, rng)


def _taken(pool: list[tuple[np.ndarray, np.ndarray]], count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`count` random crops, taken out of the pool."""
    batch = []
    for _ in range(count):
        pick = int(rng.integers(len(pool)))
        pool[pick], pool[-1] = pool[-1], pool[pick]
        batch.append(pool.pop())
    images, heights = zip(*batch, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(heights))


def _as_is(crops: T) -> T:
    return crops


def held_out_pages(signals: Signals, spec: StripSpec, count: int, seed: int) -> list[Strips[np.ndarray]]:
    """The same `count` random pages every time, for validation: of the kit's layout by kind, all others as "other"."""
    rng = np.random.default_rng(seed)
    pages = []
    for _ in range(count):
        page = make_frame(signals, rng, spec)
        own = page.spec.frame.layout == spec.frame.layout
        tops = np.array([page.spec.top(row) for row in range(page.spec.rows)], np.float32)[:, None]
        strips = np.stack([page.spec.cut(page.frame, row) for row in range(page.spec.rows)])
        pages.append(Strips(strips, page.ink - tops, page.kind if own else "other"))
    return pages
