"""Contrast of ink against the paper about it: the illumination is divided out, grid and trace are kept."""

from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

NOISE_PX = 1.0  # standard deviation of the blur: sheets seen grew 2.5-fold (log, "Rectification")
FINE_GRID = 0.6  # of the mean contrast is subtracted; 0.5, 0.6, 0.7, 1 tried (log, "Rectification that grows")
MOST_CONTRAST = 4.0  # times the mean: more is the trace's, which should weigh no more than a line; not swept
LEAST_CONTRAST = 0.004  # above which even a blank part of the sheet is clipped; not swept
DARK_LEVELS = 8.0  # of 255, added to the illumination, so that noise in the dark is no contrast; not swept
DARK_SHARE = 0.2  # of the pixels: less than a grid with its 1 mm lines covers; not swept


def contrast(channel: np.ndarray, reach_px: int, coarse: int = 1) -> np.ndarray:
    """Contrast (H, W) float32 of a uint8 channel: 0 is bare paper, 1 is black.

    The illumination is the morphological closing over `reach_px`, so shadows and stains wider than that vanish (by
    dilation, noise would raise it: log, "Rectification"). It is estimated at a resolution `coarse` times lower.
    """
    seen, reach = channel, max(reach_px // coarse, 1)
    if coarse > 1:
        seen = cv2.resize(channel, None, fx=1 / coarse, fy=1 / coarse, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    illumination: np.ndarray = cv2.blur(closed, (reach, reach)).astype(np.float32)
    if coarse > 1:
        illumination = cv2.resize(illumination, channel.shape[::-1], interpolation=cv2.INTER_LINEAR)
    darker = cv2.subtract(illumination, channel, dtype=cv2.CV_32F)
    return _clipped(cv2.divide(darker, illumination + np.float32(DARK_LEVELS), dst=darker), 1.0)


def grid_contrast(picture: np.ndarray, reach_px: int, coarse: int = 1) -> np.ndarray:
    """Contrast (H, W) of coloured and black lines alike, for finding the grid; `coarse` as in `contrast`.

    Most of the 1 mm grid is subtracted, and what is darker than a grid line is clipped to it.
    """
    darkest = reduce(cv2.min, cv2.split(picture))
    dark = contrast(cv2.GaussianBlur(darkest, (0, 0), NOISE_PX), reach_px, coarse)
    fewer = 1 / (4 * coarse)  # the mean changes slowly, so a lower resolution is enough
    small = cv2.resize(dark, None, fx=fewer, fy=fewer, interpolation=cv2.INTER_AREA)
    typical = cv2.GaussianBlur(small, (0, 0), 2 * reach_px * fewer)
    typical = cv2.resize(typical, dark.shape[::-1], interpolation=cv2.INTER_LINEAR)
    most = typical * np.float32(MOST_CONTRAST - FINE_GRID) + np.float32(LEAST_CONTRAST)
    return _clipped(cv2.scaleAdd(typical, -FINE_GRID, dark, dst=dark), most)


def _clipped(values: np.ndarray, most: np.ndarray | float) -> np.ndarray:
    """`values` (H, W) float32 between 0 and `most`, in place: pictures are large."""
    return np.minimum(np.maximum(values, np.float32(0.0), out=values), most, out=values)


@dataclass(frozen=True)
class Channels:
    """Contrast (H, W) of a picture's lightest and darkest channel: black ink shows in both, a coloured grid in one."""

    lightest: np.ndarray
    darkest: np.ndarray

    @property
    def trace(self) -> np.ndarray:
        """Contrast (H, W) of black ink: the lightest channel's, less what the darkest has more, which is colour."""
        return np.maximum(2 * self.lightest - self.darkest, 0.0)

    @property
    def greyness(self) -> float:
        """Lightest channel's contrast over the darkest's, the median over dark pixels: 1 is grey, 0 a pure colour.

        Few of the dark pixels are the trace's, so this is the grid's.
        """
        lightest, darkest = self.lightest[::4, ::4], self.darkest[::4, ::4]
        dark = darkest > np.quantile(darkest, 1 - DARK_SHARE)
        return float(np.median(lightest[dark] / darkest[dark])) if dark.any() else 1.0


def channels(picture: np.ndarray, reach_px: int) -> Channels:
    """The channels of `picture` (H, W, 3) uint8, the illumination as in `contrast`."""
    return Channels(*(contrast(reduce(of, cv2.split(picture)), reach_px) for of in (cv2.max, cv2.min)))
