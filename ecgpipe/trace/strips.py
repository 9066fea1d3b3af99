"""Cut the printed rows out of a frame, in the light and at the places that the reader was trained on.

A strip is one row's neighbourhood: 0 mV lies half way down, and every pixel column holds a whole number of 500 Hz
samples, so that the reader's output has one column a sample.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import PageLayout

FS_HZ = 500
MARGIN_S = 0.24  # shown to the reader left of the first window and right of the last
MULTIPLE_PX = 32  # strips divide evenly down to the reader's coarsest level
PAPER = 204  # level of blank paper after `flatten_light`: leaves 25 % headroom
_BLOCK_PX, _REACH, _SMOOTH = 4, 9, 15  # the paper's level: brightest 4 px block within about 2 mm, smoothed over 6 mm


@dataclass(frozen=True)
class StripSpec:
    """Where the strips of a frame lie. Raises ParamsError if a frame column holds no whole number of samples."""

    frame: FrameSpec = FrameSpec()  # noqa: RUF009, frozen
    half_height_mv: float = 3.2  # room either way

    def __post_init__(self) -> None:
        samples = FS_HZ / self.frame.raster.px_per_s
        if abs(samples - round(samples)) > 1e-9 or samples < 1:
            raise ParamsError(
                f"px_per_s: {self.frame.raster.px_per_s:g} puts {samples:g} samples of {FS_HZ} Hz in a column, "
                f"expected a whole number; take {FS_HZ} divided by 1, 2, 3, 4 or 5"
            )

    def __str__(self) -> str:
        return f"strips of {self.frame.raster} and {self.half_height_mv:g} mV either way"

    def on(self, layout: PageLayout) -> "StripSpec":
        """Strips of the same raster and height on pages of another layout."""
        return replace(self, frame=replace(self.frame, layout=layout))

    @property
    def rows(self) -> int:
        """How many strips a frame has, one for each printed row."""
        return self.frame.layout.rows

    @property
    def samples(self) -> int:
        """Samples at 500 Hz from the left end of the first window to the right end of the last."""
        return round(self.frame.layout.printed_s * FS_HZ)

    @property
    def samples_per_px(self) -> int:
        return round(FS_HZ / self.frame.raster.px_per_s)

    @property
    def height(self) -> int:
        return _round_up(2 * self.half_height_mv * self.frame.raster.px_per_mv)

    @property
    def width(self) -> int:
        return _round_up((2 * MARGIN_S + self.frame.layout.printed_s) * self.frame.raster.px_per_s)

    @property
    def _first_px(self) -> int:
        """Frame column in which the first window begins."""
        return round(self.frame.layout.left_mm * self.frame.px_per_mm_x)

    @property
    def left(self) -> int:
        """Frame column of the strip's first column; the margins are shared out evenly."""
        signal_px = round(self.frame.layout.printed_s * self.frame.raster.px_per_s)
        return self._first_px - (self.width - signal_px) // 2

    def top(self, row: int) -> int:
        """Frame row of the strip's first row."""
        return math.floor(self.frame.baseline_px(row)) - self.height // 2

    def baseline(self, row: int) -> float:
        """Strip row (fractional pixel) of 0 mV."""
        return self.frame.baseline_px(row) - self.top(row)

    @property
    def baselines(self) -> np.ndarray:
        """Strip rows (rows, 1) of 0 mV."""
        return np.array([self.baseline(row) for row in range(self.rows)])[:, None]

    @property
    def first_sample(self) -> int:
        """Output column of the first window's first sample."""
        return (self._first_px - self.left) * self.samples_per_px

    def cut(self, raster: np.ndarray, row: int, fill: int = PAPER) -> np.ndarray:
        """The strip (height, width[, C]) of printed `row` from a frame-sized `raster`; `fill` outside the page."""
        top, left = self.top(row), self.left
        inner = raster[max(top, 0) : top + self.height, max(left, 0) : left + self.width]
        above, before = max(-top, 0), max(-left, 0)
        pad = [(above, self.height - above - inner.shape[0]), (before, self.width - before - inner.shape[1])]
        return np.pad(inner, pad + [(0, 0)] * (raster.ndim - 2), constant_values=fill)

    def in_light(self, frame: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """A frame (H, W, 3) uint8 in even light; blank paper where the picture ends."""
        flat = flatten_light(frame)
        flat[~inside] = PAPER
        return flat

    def cut_all(self, frame: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """All rows (rows, height, width, 3) uint8 of a frame in even light."""
        flat = self.in_light(frame, inside)
        return np.stack([self.cut(flat, row) for row in range(self.rows)])


def _round_up(px: float) -> int:
    return math.ceil(px / MULTIPLE_PX) * MULTIPLE_PX


def flatten_light(frame: np.ndarray) -> np.ndarray:
    """The frame (H, W[, 3]) uint8 divided by its local paper level, which becomes `PAPER` in each colour.

    The paper level is the brightest block nearby, smoothed; it is held above a third of the page's median so that
    a large dark stain stays dark.
    """
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (width // _BLOCK_PX, height // _BLOCK_PX), interpolation=cv2.INTER_AREA)
    paper = cv2.blur(cv2.dilate(small, np.ones((_REACH, _REACH), np.uint8)), (_SMOOTH, _SMOOTH))
    floor = np.maximum(np.median(paper, axis=(0, 1)) / 3, 1).astype(np.uint8)
    paper = cv2.resize(np.maximum(paper, floor), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.divide(frame, paper, scale=PAPER)
