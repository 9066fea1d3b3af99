"""Copies of a print: from a photocopier that wants cleaning, and from a fax machine."""

from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.camera import jpeg
from ecgpipe.synth.capture.scan import scan
from ecgpipe.synth.capture.scanner import Scanner


def photocopy(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A scan of a photocopy: blurred once more, hard in contrast, with specks, streaks and dark edges."""
    image, page_map = scan(page, rng, layout, long_side_px, kind="0004")
    grey = cv2.GaussianBlur(image[..., 0], (0, 0), rng.uniform(0.4, 1.1))
    grey = cv2.LUT(_soiled(grey, rng), _hard(rng))
    cloudy = np.float32(rng.uniform(0, 0.12) * (rng.random() < 0.5))
    uneven = 1 - cloudy * np.maximum(noise.smooth(rng, grey.shape, long_side_px / 3), 0)
    grey = cv2.multiply(grey, uneven, dtype=cv2.CV_8U)
    copy = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    return (jpeg(copy, int(rng.uniform(30, 90))) if rng.random() < 0.6 else copy), page_map


def fax(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A fax, 1-bit, each row sent once or, in the coarse mode, standing for two."""
    scanner = replace(Scanner.random(rng), dots=1, blur_dots=0.0, paper_dots=0.0)
    image, page_map = scan(page, rng, layout, long_side_px, kind="0003", scanner=scanner)
    height, width = image.shape[0] // 2 * 2, image.shape[1]
    grey = _soiled(cv2.cvtColor(image[:height], cv2.COLOR_RGB2GRAY), rng)
    sent = (width, height // 2 if rng.random() < 0.5 else height)
    bits = scanner.threshold(cv2.resize(grey, sent, interpolation=cv2.INTER_AREA), rng)
    received = cv2.resize(bits, (width, height), interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(received, cv2.COLOR_GRAY2RGB), page_map


def _hard(rng: np.random.Generator) -> np.ndarray:
    """256 bytes: steep around a grey that decides whether the pale grid is copied."""
    middle, steep = rng.uniform(110, 200), noise.log_uniform(rng, 1.2, 5)
    black, white = rng.uniform(0, 60), rng.uniform(225, 256)
    curve = np.clip((np.arange(256) - middle) / 255 * steep + 0.5, 0, 1)
    return (black + (white - black) * curve).astype(np.uint8)


def _soiled(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`grey` (H, W) uint8 with specks of dust, streaks along the feed and the shadow of a lid left open."""
    height, width = grey.shape
    grey = grey.copy()
    for _ in range(round(noise.log_uniform(rng, 3, 400))):
        centre = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(grey, centre, int(rng.choice(4, p=(0.5, 0.3, 0.15, 0.05))), int(rng.integers(0, 150)), -1)
    for _ in range(rng.choice(5, p=(0.5, 0.2, 0.15, 0.1, 0.05))):
        x = int(rng.integers(width))
        streak = grey[:, x : x + int(rng.integers(1, 4))]
        streak[:] = (streak * rng.uniform(0.4, 0.95)).astype(np.uint8)
    if rng.random() < 0.4:
        depth = np.minimum(*np.ogrid[:height, :width]) if rng.random() < 0.5 else np.ogrid[:height, :width][1]
        shadow = 1 - rng.uniform(0.2, 0.9) * np.exp(-depth.astype(np.float32) / (width * rng.uniform(0.003, 0.03)))
        grey = cv2.multiply(grey, np.broadcast_to(shadow, grey.shape).astype(np.float32), dtype=cv2.CV_8U)
    return grey
