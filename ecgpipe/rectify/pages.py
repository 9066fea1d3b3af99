"""From a picture to its page on the millimetre grid: all that comes before the reading."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.page.geometry import FrameSpec
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.pulses import printed_gain
from ecgpipe.rectify.quality import Quality
from ecgpipe.rectify.rectifier import rectify

if TYPE_CHECKING:  # its room stands above this one
    from ecgpipe.recognize.hints import Hints


@dataclass(frozen=True)
class Page:
    """An ECG page found in a picture: its `frame`, and in `quality` how far to trust the geometry."""

    frame: Frame
    quality: Quality


def find_page(
    picture: np.ndarray,
    spec: FrameSpec = FrameSpec(),  # noqa: B008, frozen
    hints: "Hints | None" = None,
) -> Page:
    """The page in `picture` (H, W, 3) uint8 RGB, whichever way it lies, at the gain of `hints` or that its pulses tell.

    Raises PageNotFound.
    """
    rectified = rectify(picture, spec.layout)
    frame = Frame.cut(picture, rectified.page_map, spec)
    gain = (hints.gain_mm_per_mv if hints else None) or printed_gain(frame)
    if gain is not None and gain != spec.layout.gain_mm_per_mv:
        frame = Frame.cut(picture, rectified.page_map, replace(spec, layout=replace(spec.layout, gain_mm_per_mv=gain)))
    return Page(frame, rectified.quality)
