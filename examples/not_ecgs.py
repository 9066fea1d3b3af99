"""Pictures that show no 12-lead page: what a careless upload, or a careful attacker, might send."""

from collections.abc import Callable

import cv2
import numpy as np

from ecgpipe.page.layout import KIT
from ecgpipe.synth.page import PageStyle, draw_page

Maker = Callable[[np.random.Generator], np.ndarray]


def _size(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(700, 2000)), int(rng.integers(700, 2600))


def _coloured(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels (H, W), 0..1 and beyond, as RGB bytes of some tint."""
    tint = 255 * rng.uniform(0.6, 1.0, 3)
    return np.clip(grey[..., None] * tint, 0, 255).astype(np.uint8)


def texture(rng: np.random.Generator) -> np.ndarray:
    """Blurred noise of two scales: fur, stone, grass."""
    height, width = _size(rng)
    levels = [cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), *rng.uniform(1, 25, 2)) for _ in range(2)]
    return _coloured(0.5 + sum(rng.uniform(0.05, 0.25) * level / level.std() for level in levels), rng)


def gradient(rng: np.random.Generator) -> np.ndarray:
    """A smooth sky, or a blank wall."""
    height, width = _size(rng)
    y, x = np.mgrid[:height, :width] / max(height, width)
    return _coloured(rng.uniform(0.2, 0.8) + rng.normal(0, 0.5) * x + rng.normal(0, 0.5) * y, rng)


def text_page(rng: np.random.Generator) -> np.ndarray:
    """Lines of printed words."""
    height, width = _size(rng)
    page = np.full((height, width, 3), 255, np.uint8)
    step = int(rng.integers(18, 60))
    letters = np.array(list("abcdefghijklmnoprstuvw    "))
    for y in range(2 * step, height - step, step):
        line = "".join(rng.choice(letters, int(1.6 * width / step)))
        cv2.putText(page, line, (2 * step, y), cv2.FONT_HERSHEY_SIMPLEX, step / 45, (20, 20, 20), 1 + step // 40, 16)
    return page


def grid_paper(rng: np.random.Generator) -> np.ndarray:
    """An ECG form with nothing recorded and nothing printed on it."""
    blank = PageStyle(header=(), text=(255, 255, 255), trace=(255, 255, 255))
    page = draw_page(np.full((12, 5000), 50.0), 500, blank, KIT)
    return np.rot90(page, int(rng.integers(4))).copy()


def squares(rng: np.random.Generator) -> np.ndarray:
    """Squared school paper of one line width, some with sums on it."""
    height, width = _size(rng)
    page = np.full((height, width, 3), 250, np.uint8)
    step = int(rng.integers(14, 60))
    page[::step, :] = page[:, ::step] = rng.integers(120, 220, 3)
    for _ in range(rng.integers(0, 40)):
        at = int(rng.integers(width)), int(rng.integers(height))
        cv2.putText(page, str(rng.integers(1000)), at, cv2.FONT_HERSHEY_SIMPLEX, 1, (30, 30, 90), 2, cv2.LINE_AA)
    return page


def chessboard(rng: np.random.Generator) -> np.ndarray:
    """Tiles of two shades."""
    height, width = _size(rng)
    step = int(rng.integers(15, 150))
    y, x = np.mgrid[:height, :width] // step
    return _coloured(np.where((x + y) % 2, rng.uniform(0.6, 1), rng.uniform(0, 0.4)), rng)


def chart(rng: np.random.Generator) -> np.ndarray:
    """A line chart with grid lines and one curve, as a report or an article shows it."""
    height, width = _size(rng)
    page = np.full((height, width, 3), 255, np.uint8)
    for k in range(1, int(rng.integers(5, 15))):
        page[k * height // 15] = page[:, k * width // 15] = 200
    x = np.arange(width)
    y = height / 2 + np.cumsum(rng.normal(0, height / 300, width))
    cv2.polylines(page, [np.stack([x, y], -1).astype(np.int32)], False, (200, 30, 30), 3, cv2.LINE_AA)
    return page


def stripes(rng: np.random.Generator) -> np.ndarray:
    """Blinds, corduroy, a barcode: lines one way only."""
    height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return _coloured(0.6 + 0.3 * np.tanh(rng.uniform(1, 9) * wave), rng)


def weave(rng: np.random.Generator) -> np.ndarray:
    """Cloth or a wire fence: lines two ways, in no page's order."""
    height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi / 2), rng.uniform(8, 45)
    c, s = np.cos(angle), np.sin(angle)
    waves = np.cos(2 * np.pi * (c * x + s * y) / period) * np.cos(2 * np.pi * (c * y - s * x) / period)
    return _coloured(0.6 + 0.25 * waves + 0.05 * rng.normal(size=(height, width)), rng)


def noise(rng: np.random.Generator) -> np.ndarray:
    """Every pixel drawn on its own."""
    return rng.integers(0, 256, (*_size(rng), 3), dtype=np.uint8)


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
)
NOT_ECGS = tuple((make.__name__, make) for make in MAKERS)
