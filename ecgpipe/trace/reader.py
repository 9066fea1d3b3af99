"""The predictor: frames in, millivolts out. Knows weights and networks, needs no training library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.trace.claims import Reading, settle
from ecgpipe.trace.decode import to_mv
from ecgpipe.trace.network import Network
from ecgpipe.trace.strips import StripSpec
from ecgpipe.trace.weights import SHIPPED, load_weights

# What reads one strip: (H, W, 3) uint8 -> logits (T, H) float32, a distribution over heights for each of T samples.
ReadsStrips = Callable[[np.ndarray], np.ndarray]
CLOSE_MM = 24.0  # rows less far apart are read in low strips, as the weights were trained
EDGE_MV, LEAST_LARGE = 0.2, 5  # a wave this near a strip's edge is cut, where so many samples are
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
    """The printed rows of a page of `layout` at 500 Hz, from the left end of its first window to the right end of its
    last, each (rows, samples) float32: `mv`, NaN where the picture does not show the trace, and `sigma_mv`, the
    reader's own standard error. Millivolts are at the page's gain, even in a window with a gain of its own."""

    mv: np.ndarray
    sigma_mv: np.ndarray
    layout: PageLayout = KIT


class TraceReader:
    """Reads the rows of a frame with one network. Same frame, same traces on one machine."""

    def __init__(
        self,
        network: ReadsStrips,
        spec: StripSpec,
        flips: Flips = "none",
        *,
        low_half_height_mv: float | None = None,
        tall_half_height_mv: float | None = None,
    ):
        """Strips are as high as `spec` says, or lower and taller where the page asks for it and heights are given."""
        self.network, self.spec, self.flips = network, spec, flips
        self.low_half_height_mv, self.tall_half_height_mv = low_half_height_mv, tall_half_height_mv

    @classmethod
    def load(cls, weights: Path = SHIPPED, flips: Flips = "none") -> "TraceReader":
        """A reader with the weights at `weights`; DataError if they cannot be read."""
        loaded = load_weights(Path(weights))
        return cls(
            Network(loaded),
            loaded.spec,
            flips,
            low_half_height_mv=loaded.low_half_height_mv,
            tall_half_height_mv=loaded.tall_half_height_mv,
        )

    def read(self, frame: np.ndarray, inside: np.ndarray, spec: FrameSpec) -> Traces:
        """The traces of a frame (H, W, 3) uint8 RGB; `inside` (H, W) bool is False beyond the picture's edge.

        Raises ParamsError if the frame's raster is not the one the weights were trained on.
        """
        if spec.raster != self.spec.frame.raster or frame.shape[:2] != spec.shape:
            raise ParamsError(
                f"preprocess: frame {frame.shape[:2]} at {spec.raster}, but these weights read "
                f"{replace(spec, raster=self.spec.frame.raster).shape} at {self.spec.frame.raster}; "
                "use that raster or train weights for this one"
            )
        strips = self.spec.on(spec.layout)
        if self.low_half_height_mv and close_rows(spec.layout):
            strips = replace(strips, half_height_mv=self.low_half_height_mv)
        light = strips.in_light(frame, inside)
        rows = tuple(range(strips.rows))
        read = self._read(light, strips, rows)
        mv, sigma_mv = _in_mv(read, inside, strips, rows)
        if self.tall_half_height_mv:
            near = np.abs(mv) > strips.half_height_mv - EDGE_MV
            if large := tuple(row for row in rows if near[row].sum() >= LEAST_LARGE):
                tall = replace(strips, half_height_mv=self.tall_half_height_mv)
                others = [one for row, one in enumerate(read) if row not in large]
                mv[list(large)], sigma_mv[list(large)] = _in_mv(
                    self._read(light, tall, large, others), inside, tall, large
                )
        return Traces(mv, sigma_mv, spec.layout)

    def _read(
        self, light: np.ndarray, strips: StripSpec, rows: tuple[int, ...], others: Sequence[Reading] = ()
    ) -> list[Reading]:
        """Some rows of a frame in even light, `others` of which were read before."""
        readings = [
            Reading.of(strip_logits(self.network, strips.cut(light, row), self.flips), strips.top(row)) for row in rows
        ]
        settle(readings, others)
        return readings


def _in_mv(
    readings: Sequence[Reading], inside: np.ndarray, strips: StripSpec, rows: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Millivolts and standard errors, each (len(rows), samples) float32, of some rows."""
    signal = slice(strips.first_sample, strips.first_sample + strips.samples)
    height, sigma = (np.stack([getattr(row, what)[signal] for row in readings]) for what in ("height", "sigma"))
    px_per_mv = strips.frame.raster.px_per_mv
    mv = to_mv(height, strips.baselines[list(rows)].astype(np.float32), px_per_mv).astype(np.float32)
    mv[~shown(height, inside, strips, rows)] = np.nan
    return mv, (sigma / px_per_mv).astype(np.float32)


def close_rows(layout: PageLayout) -> bool:
    """Whether rows stand so close that a strip of the usual height shows much of the next ones."""
    return min(np.diff(layout.baselines_mm), default=CLOSE_MM) < CLOSE_MM


def shown(height: np.ndarray, inside: np.ndarray, strips: StripSpec, rows: tuple[int, ...]) -> np.ndarray:
    """Which samples (rows, samples) of some `rows` the picture shows, both at strip rows `height` and at the row's
    median height.

    Where a row runs out of the picture, the network reads what is left there instead: a line of the grid, a name.
    """
    masks = np.stack([strips.cut(inside, row, fill=False) for row in rows])
    columns = (strips.first_sample + np.arange(strips.samples)) // strips.samples_per_px
    index = np.arange(len(rows))[:, None]
    usual = np.median(height, axis=1, keepdims=True)
    here, there = (masks[index, np.rint(at).astype(int), columns] for at in (height, usual))
    return here & there


def strip_logits(network: ReadsStrips, strip: np.ndarray, flips: Flips = "none") -> np.ndarray:
    """Logits (T, H) of a strip (H, W, 3) uint8.

    With `flips` it is read as it is, and upside down, right to left, or all four ways: the mean of their logits.
    """
    ways = [_logits(network, strip, axes) for axes in _FLIPPED_AXES[flips]]
    return sum(ways[1:], ways[0]) / np.float32(len(ways))


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
