"""Ink against its surroundings: illumination taken out, grid and trace kept."""

from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

NOISE_PX = 1.0  # a grid line is about two pixels wide, noise one
DARK_SHARE = 0.2  # of the pixels: less than a grid with its 1 mm lines covers
FINE_GRID = 0.6  # of the mean contrast is taken off: most of a dense 1 mm grid, little of the 5 mm lines


def contrast(channel: np.ndarray, reach_px: int, coarse: int = 1) -> np.ndarray:
    """Relative darkness (H, W) float32 of a uint8 channel: 0 is bare paper, 1 is no light at all.

    The paper's brightness is the morphological closing over `reach_px`, so shadows and stains wider than that vanish.
    It is looked for in `coarse` times fewer pixels each way.
    """
    seen, reach = channel, max(reach_px // coarse, 1)
    if coarse > 1:
        seen = cv2.resize(channel, None, fx=1 / coarse, fy=1 / coarse, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    paper = cv2.blur(closed, (reach, reach)).astype(np.float32)
    if coarse > 1:
        paper = cv2.resize(paper, channel.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip((paper - channel) / (paper + 8.0), 0.0, 1.0)


def grid_contrast(picture: np.ndarray, reach_px: int, coarse: int = 1) -> np.ndarray:
    """Contrast of coloured and black lines alike (H, W), clipped so that the trace weighs no more than a grid line and
    the 1 mm grid less. `coarse` as in `contrast`."""
    darkest = reduce(cv2.min, cv2.split(picture))
    dark = contrast(cv2.GaussianBlur(darkest, (0, 0), NOISE_PX), reach_px, coarse)
    fewer = 1 / (4 * coarse)
    small = cv2.resize(dark, None, fx=fewer, fy=fewer, interpolation=cv2.INTER_AREA)
    # mean contrast: lines cover a known share of the paper
    typical = cv2.GaussianBlur(small, (0, 0), 2 * reach_px * fewer)
    typical = cv2.resize(typical, dark.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(dark - FINE_GRID * typical, 0.0, (4.0 - FINE_GRID) * typical + 0.004)


@dataclass(frozen=True)
class Channels:
    """Contrast (H, W) of a picture's lightest and darkest channel: black ink shows in both, a coloured grid in one."""

    lightest: np.ndarray
    darkest: np.ndarray

    @property
    def trace(self) -> np.ndarray:
        """Contrast of black ink (H, W): of the lightest channel, less what the darkest has more."""
        return np.maximum(2 * self.lightest - self.darkest, 0.0)

    @property
    def greyness(self) -> float:
        """What the lightest channel has of the darkest's contrast in the middle one of the dark pixels: 1 is no colour,
        0 a bright one. Of those few are the trace's."""
        lightest, darkest = self.lightest[::4, ::4], self.darkest[::4, ::4]
        dark = darkest > np.quantile(darkest, 1 - DARK_SHARE)
        return float(np.median(lightest[dark] / darkest[dark])) if dark.any() else 1.0


def channels(picture: np.ndarray, reach_px: int) -> Channels:
    """Of `picture` (H, W, 3) uint8."""
    return Channels(*(contrast(reduce(of, cv2.split(picture)), reach_px) for of in (cv2.max, cv2.min)))
