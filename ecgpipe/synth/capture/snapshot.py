"""Small pictures of a print as chats and forums pass them on: close, flat in contrast, greyish, much compressed."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth.capture.camera import jpeg
from ecgpipe.synth.capture.crop import crop_to_traces, resized
from ecgpipe.synth.capture.photo import close_up, photograph

_ZOOM = 1.6  # a photograph's longer side over that of the part which is kept


def snapshot(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A photo cut to about the traces and shrunk to `long_side_px`."""
    image, page_map = photograph(page, rng, layout, round(long_side_px * _ZOOM), kind="0005")
    margins_px = rng.uniform(-0.015, 0.06, 4) * max(image.shape)
    image, page_map = crop_to_traces(image, page_map, layout, margins_px)
    image, page_map = resized(image, page_map, long_side_px)
    return jpeg(_pale(image, rng), int(rng.uniform(20, 60))), page_map


def close_snapshot(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A photo taken close up, its longer side `long_side_px`, of a smooth sheet."""
    image, page_map = close_up(page, rng, layout, long_side_px)
    if rng.random() < 0.7:
        image = _pale(image, rng)
    return jpeg(image, int(rng.uniform(30, 92))), page_map


def _pale(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Less colour and less contrast."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour, contrast = rng.uniform(0, 1), rng.uniform(0.4, 1.0)
    lift = (1 - contrast) * rng.uniform(0.6, 1.0) * float(np.median(grey))
    return cv2.addWeighted(image, contrast * colour, grey, contrast * (1 - colour), lift)
