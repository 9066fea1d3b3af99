"""Pages that were never on paper: the render itself (0001), and what a viewer shows of it (screenshot)."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.camera import jpeg
from ecgpipe.synth.capture.crop import crop_to_traces, resized

_METHODS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def render(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """The page itself, resized if another size is asked for."""
    factor = long_side_px / max(page.shape)
    image = page.copy()
    if factor != 1:
        size = (round(page.shape[1] * factor), round(page.shape[0] * factor))
        edge = (factor - 1) / 2  # corners stay corners, pixel centres being the integers
        matrix = np.array([[factor, 0, edge], [0, factor, edge]], np.float64)
        soft = cv2.GaussianBlur(page, (0, 0), 0.45 / factor) if factor < 0.95 else page
        image = cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return image, PageMap.from_function(layout, lambda mm: mm * PX_PER_MM * factor - 0.5)


def screenshot(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """The page, or the part with the traces, as a viewer or a web page shows it, saved with few colours or as JPEG."""
    image, page_map = page, PageMap.from_function(layout, lambda mm: mm * PX_PER_MM - 0.5)
    if rng.random() < 0.55:
        least, most = (-2, 14) if rng.random() < 0.7 else (-9, 2)  # mm; the latter cuts pulses and the traces' ends
        image, page_map = crop_to_traces(image, page_map, layout, rng.uniform(least, most, 4) * PX_PER_MM)
    border = rng.random() < 0.35
    inner_px = round(long_side_px * rng.uniform(0.8, 0.97)) if border else long_side_px
    if rng.random() < 0.2:  # shrunk before, and enlarged to what is seen now
        image, page_map = _shrink(image, page_map, rng, round(inner_px * rng.uniform(0.55, 0.9)))
    image, page_map = _shrink(image, page_map, rng, inner_px)
    if border:
        image, page_map = _in_window(image, page_map, rng, long_side_px)
    return _saved(_shown(image, rng), rng), page_map


def _shrink(
    image: np.ndarray, page_map: PageMap, rng: np.random.Generator, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """Resize as one of the usual programs does: by area, or smoothed more or less and interpolated."""
    method = _METHODS[rng.choice(4, p=(0.5, 0.2, 0.2, 0.1))]
    factor = long_side_px / max(image.shape)
    if method != cv2.INTER_AREA and factor < 0.9:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.5) / factor)
    return resized(image, page_map, long_side_px, method)


def _in_window(
    image: np.ndarray, page_map: PageMap, rng: np.random.Generator, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """The viewer around the page: a plain surface, bars and some words."""
    room = long_side_px - max(image.shape)
    left, top = (int(rng.uniform(0, room)) for _ in range(2))
    right, bottom = room - left, int(rng.uniform(0, room))
    grey = int(rng.choice([rng.integers(25, 70), rng.integers(190, 256)]))
    window = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(grey,) * 3)
    for _ in range(rng.integers(0, 8) if top > 10 else 0):
        words = "".join(chr(c) for c in rng.integers(97, 123, rng.integers(3, 14)))
        place = int(rng.uniform(0, window.shape[1])), int(rng.uniform(8, top))
        ink = tuple(int(c) for c in np.clip(255 - grey + rng.normal(0, 60, 3), 0, 255))
        cv2.putText(window[:top], words, place, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.6), ink, 1, cv2.LINE_AA)
    return window, page_map.compose(lambda px: px + np.array([left, top]))


def _shown(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness and contrast of another program, sometimes all in grey."""
    gamma, low, high = np.exp(rng.normal(0, 0.15)), rng.uniform(0, 40), rng.uniform(225, 262)
    if rng.random() < 0.4:
        image = cv2.LUT(image, np.clip(low + (high - low) * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8))
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return image


def _saved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As PNG, as JPEG of any quality, or in so few colours as GIF and old bitmaps have."""
    how = rng.choice(3, p=(0.35, 0.5, 0.15))
    if how == 1:
        return jpeg(image, round(noise.log_uniform(rng, 25, 96)))
    if how == 2:
        step = 255 / int(rng.integers(4, 12))
        return cv2.LUT(image, np.round(np.round(np.arange(256) / step) * step).astype(np.uint8))
    return np.ascontiguousarray(image)
