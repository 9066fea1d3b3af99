"""Pictures that show no 12-lead ECG that could be read: what a careless upload, or a careful attacker, might send.

python -m examples.not_ecgs [--pictures 200] [--seed 72000] [--workers 2] [--save DIR]

Tells how many of them `ecgpipe` refuses and why, and names the others; --save keeps the pictures of these.
"""

import argparse
from collections import Counter
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.parallel import map_processes
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import random_capture
from ecgpipe.synth.layouts import random_page
from ecgpipe.synth.page import PageStyle, draw_page
from examples.any_page_report import plain
from examples.not_ecgs_drawn import DRAWINGS, Maker, size

SEED = 72_000  # no data set and no training starts from it
PICTURED_SHARE = 0.4  # printed and then scanned or photographed


def _coloured(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels (H, W), 0..1 and beyond, as RGB bytes of some tint."""
    tint = 255 * rng.uniform(0.6, 1.0, 3)
    return np.clip(grey[..., None] * tint, 0, 255).astype(np.uint8)


def texture(rng: np.random.Generator) -> np.ndarray:
    """Blurred noise of two scales: fur, stone, grass."""
    height, width = size(rng)
    levels = [cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), *rng.uniform(1, 25, 2)) for _ in range(2)]
    return _coloured(0.5 + sum(rng.uniform(0.05, 0.25) * level / level.std() for level in levels), rng)


def gradient(rng: np.random.Generator) -> np.ndarray:
    """A smooth sky, or a blank wall."""
    height, width = size(rng)
    y, x = np.mgrid[:height, :width] / max(height, width)
    return _coloured(rng.uniform(0.2, 0.8) + rng.normal(0, 0.5) * x + rng.normal(0, 0.5) * y, rng)


def text_page(rng: np.random.Generator) -> np.ndarray:
    """Lines of printed words."""
    height, width = size(rng)
    page = np.full((height, width, 3), 255, np.uint8)
    step = int(rng.integers(18, 60))
    letters = np.array(list("abcdefghijklmnoprstuvw    "))
    for y in range(2 * step, height - step, step):
        line = "".join(rng.choice(letters, int(1.6 * width / step)))
        cv2.putText(page, line, (2 * step, y), cv2.FONT_HERSHEY_SIMPLEX, step / 45, (20, 20, 20), 1 + step // 40, 16)
    return page


def grid_paper(rng: np.random.Generator) -> np.ndarray:
    """An ECG form of any maker with nothing recorded on it, and often nothing printed."""
    layout, style, print_ = random_page(rng)
    paper = PageStyle(header=(), text=style.paper, trace=style.paper, paper=style.paper)
    inks = {name: getattr(style, name) for name in ("major", "minor", "major_width_mm", "minor_width_mm")}
    bare = replace(layout, pulses=(), separators=(), names=(), texts=())
    blank = replace(paper, **inks, header=style.header if rng.random() < 0.4 else (), text=style.text)
    page = draw_page(np.full((12, 5000), 50.0), 500, blank, bare, print_=print_)
    return np.rot90(page, int(rng.integers(4))).copy()


def squares(rng: np.random.Generator) -> np.ndarray:
    """Squared school paper of one line width, some with sums on it."""
    height, width = size(rng)
    page = np.full((height, width, 3), 250, np.uint8)
    step = int(rng.integers(14, 60))
    page[::step, :] = page[:, ::step] = rng.integers(120, 220, 3)
    for _ in range(rng.integers(0, 40)):
        at = int(rng.integers(width)), int(rng.integers(height))
        cv2.putText(page, str(rng.integers(1000)), at, cv2.FONT_HERSHEY_SIMPLEX, 1, (30, 30, 90), 2, cv2.LINE_AA)
    return page


def chessboard(rng: np.random.Generator) -> np.ndarray:
    """Tiles of two shades."""
    height, width = size(rng)
    step = int(rng.integers(15, 150))
    y, x = np.mgrid[:height, :width] // step
    return _coloured(np.where((x + y) % 2, rng.uniform(0.6, 1), rng.uniform(0, 0.4)), rng)


def chart(rng: np.random.Generator) -> np.ndarray:
    """A line chart with grid lines and one curve, as a report or an article shows it."""
    height, width = size(rng)
    page = np.full((height, width, 3), 255, np.uint8)
    for k in range(1, int(rng.integers(5, 15))):
        page[k * height // 15] = page[:, k * width // 15] = 200
    x = np.arange(width)
    y = height / 2 + np.cumsum(rng.normal(0, height / 300, width))
    cv2.polylines(page, [np.stack([x, y], -1).astype(np.int32)], False, (200, 30, 30), 3, cv2.LINE_AA)
    return page


def stripes(rng: np.random.Generator) -> np.ndarray:
    """Blinds, corduroy, a barcode: lines one way only."""
    height, width = size(rng)
    y, x = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return _coloured(0.6 + 0.3 * np.tanh(rng.uniform(1, 9) * wave), rng)


def weave(rng: np.random.Generator) -> np.ndarray:
    """Cloth or a wire fence: lines two ways, in no page's order."""
    height, width = size(rng)
    y, x = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi / 2), rng.uniform(8, 45)
    c, s = np.cos(angle), np.sin(angle)
    waves = np.cos(2 * np.pi * (c * x + s * y) / period) * np.cos(2 * np.pi * (c * y - s * x) / period)
    return _coloured(0.6 + 0.25 * waves + 0.05 * rng.normal(size=(height, width)), rng)


def noise(rng: np.random.Generator) -> np.ndarray:
    """Every pixel drawn on its own."""
    return rng.integers(0, 256, (*size(rng), 3), dtype=np.uint8)


MAKERS: tuple[Maker, ...] = (
    texture,
    gradient,
    text_page,
    grid_paper,
    squares,
    chessboard,
    chart,
    stripes,
    weave,
    noise,
    *DRAWINGS,
)
NOT_ECGS = tuple((make.__name__, make) for make in MAKERS)


def make_picture(index: int, seed: int) -> tuple[str, np.ndarray]:
    """The name and the picture (H, W, 3) uint8 of `index`: all makers in turn, as drawn or printed and pictured."""
    rng = np.random.default_rng([seed, index])
    name, make = NOT_ECGS[index % len(NOT_ECGS)]
    picture = make(rng)
    if rng.random() < PICTURED_SHARE:
        width, height = (round(side * PX_PER_MM) for side in KIT.size_mm)
        picture = random_capture(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), KIT, rng).image
    return name, picture


def read(index: int, seed: int) -> tuple[str, str]:
    """The name of a picture, and why it was refused; nothing if it was not."""
    name, picture = make_picture(index, seed)
    try:
        _digitizer().digitize(picture)
    except EcgpipeError as error:
        return name, str(error)
    return name, ""


@cache
def _digitizer() -> Digitizer:
    return Digitizer()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path, metavar="DIR", help="save the pictures that were not refused")
    args = parser.parse_args()
    reading = map_processes(partial(read, seed=args.seed), range(args.pictures), args.workers)
    answers = list(track(reading, "pictures", total=args.pictures))
    for reason, count in Counter(plain(reason) for _, reason in answers if reason).most_common():
        print(f"{count:4d} refused: {reason}")
    for index, (name, reason) in enumerate(answers):
        if reason:
            continue
        print(f"not refused: {index}, {name}")
        if args.save:
            args.save.mkdir(parents=True, exist_ok=True)
            save_picture(args.save / f"{index}-{name}.png", make_picture(index, args.seed)[1])
    print(f"{sum(bool(reason) for _, reason in answers)} of {len(answers)} refused")


if __name__ == "__main__":
    main()
