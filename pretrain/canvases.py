"""Endless sheets with what is printed on them, for the network of `recognize.marks`: pages of any layout, pictured, and
brought to the canvas by a slightly wrong map, from any place on."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout, blank_sheet
from ecgpipe.recognize.canvas import canvas_of
from ecgpipe.recognize.marks import (
    CELL_MM,
    CHANNELS,
    END,
    GAINS,
    INVERTED,
    MEASURES,
    PULSE,
    PULSE_UNITS_MM,
    ROW,
    SPEEDS,
    START,
)
from ecgpipe.synth.capture import Capture, noise, random_capture
from ecgpipe.synth.capture.camera import jpeg
from ecgpipe.synth.layouts import random_page
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle
from ecgpipe.trace.strips import FS_HZ, PAPER
from pretrain.pages import Signals, random_slip

T = TypeVar("T")

SHEETS_MM = ((288.0, 224.0), (224.0, 288.0))  # width and height of a canvas, wide and high
QUICK_SHARE = 0.75  # of pages: drawn small and worn a little, in a fifth of the time that a whole capture takes
KIT_SHARE = 0.15  # of pages
TURNED_SHARE = 0.12  # of canvases: turned or mirrored, where nothing is to be seen
CAPITAL = 0.72  # height of a capital letter over that of the font
SIGMA_CELLS = 1.2  # standard deviation of a mark's heat
REACH = 3  # cells that it falls off over
_AWAY = np.arange(-REACH, REACH + 1) ** 2
BUMP = np.exp(-0.5 * (_AWAY[:, None] + _AWAY) / SIGMA_CELLS**2).astype(np.float16)
SIZES = ("high", "wide")  # a pulse's measures
SPEED = re.compile(r"(?<![\d/])(\d+)(?:\.0)? ?mm/s", re.IGNORECASE)
GAIN = re.compile(r"(?<![\d/])(\d+)(?:\.0)? ?mm/mV|1 mV = (\d+) mm", re.IGNORECASE)


class Canvases(NamedTuple):
    """Canvases of one page: `images` (n, H, W, 3) uint8, `heat` (n, CHANNELS, h, w) and `measures` (n, MEASURES, h, w),
    both float16, as `training.marks.marks_loss` takes them."""

    images: np.ndarray
    heat: np.ndarray
    measures: np.ndarray


def make_canvases(signals: Signals, rng: np.random.Generator, count: int) -> Canvases:
    """`count` canvases of one random page, each cut from another place on, in other light."""
    quick = rng.random() < QUICK_SHARE
    layout, style, print_ = random_page(rng, kit_share=KIT_SHARE)
    series = signals.draw(rng, layout.duration_s, most_mv=10.0)
    if quick:
        px_per_mm = rng.uniform(2.2, 6.0)
        drawn_at = max(px_per_mm, 4.0)
        page = draw_page(series, FS_HZ, style, layout, print_=print_, px_per_mm=drawn_at)
        picture = worn(page, layout, drawn_at, px_per_mm, rng)
    else:
        picture = random_capture(draw_page(series, FS_HZ, style, layout, print_=print_), layout, rng)
    size_mm = SHEETS_MM[int(layout.height_mm > layout.width_mm)]
    made = [_canvas(picture, layout, style, print_, size_mm, rng) for _ in range(count)]
    return Canvases(*(np.stack(parts) for parts in zip(*made, strict=True)))


def worn(page: np.ndarray, layout: PageLayout, drawn_at: float, px_per_mm: float, rng: np.random.Generator) -> Capture:
    """The `page`, drawn at so many pixels a mm, as a picture of `px_per_mm`: uneven light, blur, grain, JPEG."""
    size = [round(side * px_per_mm) for side in layout.size_mm]
    image = cv2.resize(page, size, interpolation=cv2.INTER_AREA) if px_per_mm < drawn_at else page
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.9)))
    light: np.ndarray = image.astype(np.float32)
    if rng.random() < 0.5:
        shade = noise.fractal(rng, image.shape[:2], rng.uniform(0.1, 0.5) * max(image.shape), 3)
        light *= np.clip(1 - rng.uniform(0.02, 0.2) * (1.5 + shade), 0.25, 1)[..., None]
        light *= rng.uniform(0.85, 1.0, 3).astype(np.float32)
    if rng.random() < 0.5:
        light += rng.normal(0, rng.uniform(1, 9), image.shape).astype(np.float32)
    image = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        image = jpeg(image, round(noise.log_uniform(rng, 25, 95)))
    return Capture(image, PageMap.from_function(layout, lambda mm: mm * px_per_mm - 0.5))


def _canvas(
    picture: Capture,
    layout: PageLayout,
    style: PageStyle,
    print_: Print,
    size_mm: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One canvas of `size_mm` and its maps."""
    sheet = blank_sheet(*size_mm)
    room = np.array(layout.size_mm) - size_mm
    first_mm = rng.uniform(np.minimum(room, 0) - 15, np.maximum(room, 0) + 15)
    if rng.random() < 0.25:  # a picture of a part of the page
        first_mm = first_mm + rng.uniform(-60, 60, 2)
    scale = 1 + rng.normal(0, 0.01, 2)
    slip = random_slip(rng, layout)
    cols, rows = (int(np.ceil(side / 2.5)) + 1 for side in size_mm)
    lattice = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), -1) * 2.5
    points = first_mm + lattice * scale
    nodes = picture.page_map.to_picture(points + slip.to_picture(points)).astype(np.float32)
    image = _in_other_light(canvas_of(picture.image, PageMap(nodes, 2.5), sheet), rng)

    def placed(points: np.ndarray) -> np.ndarray:
        """Where on the canvas what is printed at page `points` (n, 2) mm lies."""
        at = points + np.stack(print_.ink_shift_mm(points[:, 0]), axis=-1)
        return (at - slip.to_picture(at) - first_mm) / scale

    shown = _shown(picture, PageMap(nodes, 2.5), size_mm)
    if rng.random() < TURNED_SHARE:
        return _turned(image, int(rng.integers(4))), *_maps([], [], shown)
    marks = list(_marks(layout, style))
    at_mm = placed(np.array([mark.at_mm for mark in marks]))
    marks = [mark._replace(at_mm=at) for mark, at in zip(marks, at_mm, strict=True)]
    return image, *_maps(marks, _rows(layout, placed), shown)


def _turned(image: np.ndarray, way: int) -> np.ndarray:
    """`image` mirrored (way 0) or after so many quarter turns, cut to its own shape."""
    other = image[:, ::-1] if way == 0 else np.rot90(image, way)
    height, width = image.shape[:2]
    part = other[:height, :width]
    room = ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0))
    return np.ascontiguousarray(np.pad(part, room, constant_values=PAPER))


def _in_other_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours, contrast and sharpness changed."""
    if rng.random() < 0.2:
        image = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    if rng.random() < 0.2:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.0)))
    gain, gamma = rng.uniform(0.92, 1.08, 3), rng.uniform(0.6, 1.6)
    table = 255 * gain * (np.arange(256)[:, None] / 255) ** gamma
    return cv2.LUT(np.ascontiguousarray(image), np.clip(table, 0, 255).astype(np.uint8)[None])


# ---- what is there

Placed = Callable[[np.ndarray], np.ndarray]


class _Mark(NamedTuple):
    """A mark of `channel` at `at_mm`, x and y; `kind` begins the names of its measures."""

    channel: str
    kind: str
    at_mm: Sequence[float]
    sizes: tuple[float, ...] = ()


def _marks(layout: PageLayout, style: PageStyle) -> Iterator[_Mark]:
    """What is printed, in mm of the page."""
    size_mm = style.name_size_mm or style.font_size_mm
    for window, name in zip(layout.windows, layout.names, strict=True):
        if name.words:
            channel = INVERTED if name.words.startswith("-") else window.lead
            yield _Mark(channel, "name", (name.left_mm + name.width_mm / 2, name.base_mm - CAPITAL / 2 * size_mm))
        zero, right = layout.baselines_mm[window.row], window.left_mm + window.duration_s * layout.speed_mm_per_s
        yield _Mark(START, START, (window.left_mm, zero))
        yield _Mark(END, END, (right, zero))
    for pulse in layout.pulses:
        sizes = layout.gain_mm_per_mv * pulse.gain_ratio, pulse.right_mm - pulse.left_mm
        units = tuple(size / unit for size, unit in zip(sizes, PULSE_UNITS_MM, strict=True))
        yield _Mark(PULSE, PULSE, (pulse.left_mm, layout.baselines_mm[pulse.row]), units)
    for text in layout.texts:
        y_mm = text.base_mm - CAPITAL / 2 * style.font_size_mm
        for pattern, unit, known in ((SPEED, "mm/s", SPEEDS), (GAIN, "mm/mV", GAINS)):
            for match in pattern.finditer(text.words):
                channel = f"{int(match[match.lastindex or 1])} {unit}"
                if channel in known:
                    share = (match.start() + match.end()) / 2 / len(text.words)
                    yield _Mark(channel, "text", (text.left_mm + share * text.width_mm, y_mm))


def _rows(layout: PageLayout, placed: Placed) -> list[np.ndarray]:
    """0 mV of each window, points (n, 2) every half millimetre on the canvas."""
    lines = []
    for window in layout.windows:
        left, right = window.left_mm, window.left_mm + window.duration_s * layout.speed_mm_per_s
        zero = layout.baselines_mm[window.row]
        first, last = placed(np.array([[left, zero], [right, zero]]))
        lines.append(np.linspace(first, last, max(round(2 * (right - left)), 2)))
    return lines


def _shown(picture: Capture, page_map: PageMap, size_mm: tuple[float, float]) -> np.ndarray:
    """Which cells (h, w) of the canvas the picture shows."""
    width, height = (round(side / CELL_MM) for side in size_mm)
    cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) + 0.5
    x, y = np.moveaxis(page_map.to_picture(cells * CELL_MM), -1, 0)
    return (x >= 0) & (x < picture.image.shape[1]) & (y >= 0) & (y < picture.image.shape[0])


def _maps(marks: list[_Mark], rows: list[np.ndarray], shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heat and measures of `marks` and 0 mV `rows` on a canvas whose cells are `shown` (h, w)."""
    heat = np.zeros((len(CHANNELS), *shown.shape), np.float16)
    measures = np.full((len(MEASURES), *shown.shape), np.nan, np.float16)
    for mark in marks:
        x, y = (float(mm) / CELL_MM - 0.5 for mm in mark.at_mm)
        col, row = round(x), round(y)
        if not (0 <= row < shown.shape[0] and 0 <= col < shown.shape[1] and shown[row, col]):
            continue
        rows_near, cols_near = (slice(max(at - REACH, 0), at + REACH + 1) for at in (row, col))
        part = heat[CHANNELS.index(mark.channel), rows_near, cols_near]
        first = (row - rows_near.start, col - cols_near.start)
        bump = BUMP[REACH - first[0] :, REACH - first[1] :][: part.shape[0], : part.shape[1]]
        np.maximum(part, bump, out=part)
        if mark.kind == "text":
            continue
        for r in range(max(row - 1, 0), min(row + 2, shown.shape[0])):
            for c in range(max(col - 1, 0), min(col + 2, shown.shape[1])):
                values = {"x": (x - c) * CELL_MM, "y": (y - r) * CELL_MM} | dict(zip(SIZES, mark.sizes, strict=False))
                for name, value in values.items():
                    measures[MEASURES.index(f"{mark.kind}_{name}"), r, c] = value
    zero = CHANNELS.index(ROW)
    for points in rows:
        x, y = (points / CELL_MM - 0.5).T
        cols = np.rint(x).astype(int)
        for dy in range(-REACH, REACH + 1):
            lines = np.rint(y).astype(int) + dy
            inside = (cols >= 0) & (cols < shown.shape[1]) & (lines >= 0) & (lines < shown.shape[0])
            c, r = cols[inside], lines[inside]
            near = np.exp(-0.5 * (lines - y)[inside] ** 2 / SIGMA_CELLS**2) if dy else np.ones(len(c))
            heat[zero, r, c] = np.maximum(heat[zero, r, c], np.where(shown[r, c], near, 0))
    return heat, measures


# ---- streams


class SheetStream(IterableDataset):
    """Endless `Canvases`, `canvases_per_page` of each page; workers and restarts differ by their seed."""

    def __init__(self, signals: Signals, *, canvases_per_page: int, seed: int):
        self.signals, self.canvases_per_page, self.seed = signals, canvases_per_page, seed

    def __iter__(self) -> Iterator[Canvases]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            yield make_canvases(self.signals, rng, self.canvases_per_page)


class CanvasStream(IterableDataset):
    """Endless batches of canvases of one shape out of a pool of `pool_pages`; each is used `uses` times."""

    def __init__(self, sheets: SheetStream, *, batch_size: int, pool_pages: int, uses: int, workers: int):
        self.sheets, self.batch_size, self.uses, self.workers = sheets, batch_size, uses, workers
        self.pool_size = max(pool_pages * sheets.canvases_per_page, batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        # Spawned, as a fork of a process that has used OpenCV's threads hangs.
        maker = iter(
            DataLoader(
                self.sheets,
                batch_size=None,
                num_workers=self.workers,
                collate_fn=_as_is,
                multiprocessing_context="spawn" if self.workers else None,
            )
        )
        rng = np.random.default_rng((self.sheets.seed, 1))
        pools: dict[tuple[int, ...], list[tuple[np.ndarray, ...]]] = {}
        while True:
            made = next(maker)
            pool = pools.setdefault(made.images.shape[1:], [])
            pool.extend(zip(*made, strict=True))
            if len(pool) < self.batch_size:
                continue
            for _ in range(self.uses * len(made.images) // self.batch_size or 1):
                picks = rng.choice(len(pool), self.batch_size, replace=False)
                yield tuple(torch.from_numpy(np.stack(part)) for part in zip(*(pool[k] for k in picks), strict=True))
            del pool[: max(len(pool) - self.pool_size, 0)]  # the oldest ones


def _as_is(made: T) -> T:
    return made
