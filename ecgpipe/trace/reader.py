"""The predictor: frames in, millivolts out. Knows weights and networks, needs no training library."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.trace.decode import decode_heights, to_mv
from ecgpipe.trace.network import Network
from ecgpipe.trace.strips import ROWS, SAMPLES, StripSpec
from ecgpipe.trace.weights import SHIPPED, load_weights

# What reads one strip: (H, W, 3) uint8 -> logits (T, H) float32, a distribution over heights for each of T samples.
ReadsStrips = Callable[[np.ndarray], np.ndarray]
Flips = Literal["none", "vertical", "horizontal", "both"]
# Axes of a strip (height, time) that are turned round for each reading of it; the readings' logits are averaged.
_FLIPPED_AXES: dict[Flips, tuple[tuple[int, ...], ...]] = {
    "none": ((),),
    "vertical": ((), (0,)),
    "horizontal": ((), (1,)),
    "both": ((), (0,), (1,), (0, 1)),
}


@dataclass(frozen=True)
class Traces:
    """The four printed rows at 500 Hz from t = 0, each (4, 5000) float32: `mv`, NaN where the picture does not show
    the trace, and `sigma_mv`, the reader's own standard error."""

    mv: np.ndarray
    sigma_mv: np.ndarray


class TraceReader:
    """Reads the rows of a frame with one network. Same frame, same traces on one machine."""

    def __init__(self, network: ReadsStrips, spec: StripSpec, flips: Flips = "none"):
        self.network, self.spec, self.flips = network, spec, flips

    @classmethod
    def load(cls, weights: Path = SHIPPED, flips: Flips = "none") -> "TraceReader":
        """A reader with the weights at `weights`; DataError if they cannot be read."""
        loaded = load_weights(Path(weights))
        return cls(Network(loaded), loaded.spec, flips)

    def read(self, frame: np.ndarray, inside: np.ndarray, spec: FrameSpec) -> Traces:
        """The traces of a frame (H, W, 3) uint8 RGB; `inside` (H, W) bool is False beyond the picture's edge.

        Raises ParamsError if the frame's raster is not the one the weights were trained on.
        """
        if spec != self.spec.frame or frame.shape[:2] != spec.shape:
            raise ParamsError(
                f"preprocess: frame {frame.shape[:2]} at {spec.px_per_mm_x:g} x {spec.px_per_mm_y:g} px/mm, "
                f"but these weights read {self.spec.frame.shape} at {self.spec.frame.px_per_mm_x:g} x "
                f"{self.spec.frame.px_per_mm_y:g}; use that raster or train weights for this one"
            )
        height, sigma = read_strips(self.network, self.spec.cut_all(frame, inside), self.flips)
        signal = slice(self.spec.first_sample, self.spec.first_sample + SAMPLES)
        height, sigma = height[:, signal], sigma[:, signal]
        baseline = np.array([self.spec.baseline(row) for row in range(ROWS)], np.float32)[:, None]
        mv = to_mv(height, baseline, spec.px_per_mv).astype(np.float32)
        mv[~self._shown(height, inside)] = np.nan
        return Traces(mv, (sigma / spec.px_per_mv).astype(np.float32))

    def _shown(self, height: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Which samples (4, 5000) at strip rows `height` lie within the picture, and the row's usual height there too.

        Where a row has left the picture, what is read is something else that has not: a line of the grid, a name.
        """
        masks = np.stack([self.spec.cut(inside, row, fill=False) for row in range(ROWS)])
        columns = (self.spec.first_sample + np.arange(SAMPLES)) // self.spec.samples_per_px
        rows = np.arange(ROWS)[:, None]
        usual = np.median(height, axis=1, keepdims=True)
        here, there = (masks[rows, np.rint(at).astype(int), columns] for at in (height, usual))
        return here & there


def read_strips(network: ReadsStrips, strips: np.ndarray, flips: Flips = "none") -> tuple[np.ndarray, np.ndarray]:
    """Heights and their deviations, each (N, T) float32 px, of strips (N, H, W, 3) uint8.

    With `flips` each strip is read as it is, and upside down, right to left, or all four ways.
    """
    decoded = []
    for strip in strips:
        ways = [_logits(network, strip, axes) for axes in _FLIPPED_AXES[flips]]
        decoded.append(decode_heights(sum(ways[1:], ways[0]) / np.float32(len(ways))))
    heights, sigmas = zip(*decoded, strict=True)
    return np.stack(heights), np.stack(sigmas)


def _logits(network: ReadsStrips, strip: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Logits (T, H) of a strip (H, W, 3) read with `axes` turned round, as they lie on the strip itself.

    A column's first sample lies at its centre and the others to the right, so that of T samples, k a column, sample t
    is read at T - k - t of the turned strip; the last k - 1 are not read there (they are margin).
    """
    logits = network(np.ascontiguousarray(np.flip(strip, axes)))
    if 0 in axes:
        logits = logits[:, ::-1]
    if 1 in axes:
        logits = np.roll(logits[::-1], 1 - len(logits) // strip.shape[1], axis=0)
    return logits
