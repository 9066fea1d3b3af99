"""Renders read to a part of a pixel: heights moved to where a pen's line would leave the ink that is seen.

In a page that a program drew and nobody printed, a trace is a line of one width from sample to sample, and each pixel
is as dark as that line covers it. The network's reading of a row tells nearly where the line runs; a few steps of Gauss
and Newton's method bring it to where the line explains the ink best, while it stays near the reading. Paper, lenses and
scanners leave other ink: where a line cannot explain it, the reading stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgpipe.base.banded import solve_banded
from ecgpipe.base.parallel import both
from ecgpipe.rectify.flat import FlatPage
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.strips import FS_HZ, PAPER, flatten_light

# "Log" is the section "A pen's line" of docs/log.md; what it does not name was not swept.
MOST_LEFT = 0.03  # of a line's power that it leaves unexplained: renders 0.01 to 0.02, prints 0.1 and more (log)
HALF_WIDTHS_PX = np.arange(0.4, 2.5, 0.05)  # that are tried; the last one only says that it is dark all about
FAINTEST = 0.3  # darkness of a line, at least
NEAR_PX = 2  # to either side of a line, where all pixels are looked at, and some beyond
INK_NOISE = 0.05  # standard deviation of a pixel's darkness; 0.035 to 0.07 tried (log)
OUTLIER = 0.15  # darkness that a line leaves unexplained from which it is another's: a name's, a crossing row's (log)
MOST_COUNTED = 0.05  # of the square of what is left unexplained, when pens are compared
LEAST_MV, MOST_MV = 0.015, 0.1  # by how much a reading may be off, whatever its own standard error (log)
STEP = 5.0**-0.5  # of that, by how much two neighbouring samples may be off differently (log)
ROUNDS = 3
MOST_MOVE_MV = 0.1  # in a round
LEAST_SAMPLES = 100  # that are read in a row
STEEP = 0.5  # `upright` below which a pixel lies beside a steep line
FLAT = 0.85  # and above which it lies above or below a flat one
LEAST_PIXELS = 1000  # that tell how wide a pen is there


def moved_to_ink(traces: Traces, page: FlatPage) -> Traces:
    """The traces of a flat page with their heights moved to the line that explains its ink, if one does.

    Rows, gaps and standard errors stay as they are.
    """
    ink = 1 - np.minimum(flatten_light(page.light).astype(np.float32) / PAPER, 1.25)
    rows = [row for row, mv in enumerate(traces.mv) if np.isfinite(mv).sum() >= LEAST_SAMPLES]
    lines = [_Line(ink, page.to_px, traces, row) for row in rows]
    for _ in range(ROUNDS):
        _of_each(lines, _Line.look)
        pen = _pen_of(lines) if lines else None
        if pen is None:
            return traces
        _of_each(lines, _Line.move, pen)
    mv = traces.mv.copy()
    for line in lines:
        mv[line.row] = np.where(np.isfinite(mv[line.row]), line.mv, np.nan)
    return replace(traces, mv=mv)


def _of_each(lines: "list[_Line]", step: Callable[..., None], *arguments: object) -> None:
    """Let every line take a `step`, half of them in a thread of their own."""

    def steps(half: int) -> None:
        for line in lines[half::2]:
            step(line, *arguments)

    both(steps)


@dataclass(frozen=True)
class _Pen:
    """A pen's line: as dark as `darkness` up to an edge where a pixel is half covered, `high_px` above and below a flat
    line, `wide_px` beside a steep one: some programs draw them not quite alike."""

    wide_px: float
    high_px: float
    darkness: float

    def cover(self, away_px: np.ndarray, upright: np.ndarray) -> np.ndarray:
        """The share of pixels that the line covers, by how far away from its middle their centres are, and how upright
        the way there is: 1 above and below it, 0 beside it."""
        edge_px = np.sqrt(self.wide_px**2 + (self.high_px**2 - self.wide_px**2) * upright**2)
        return np.clip(edge_px - away_px + 0.5, 0.0, 1.0)


def _pen_of(lines: "list[_Line]") -> _Pen | None:
    """The pen that explains the ink near all lines best; None if a round one leaves too much unexplained."""
    ink, away, upright = (np.concatenate([getattr(line, of) for line in lines]) for of in ("ink", "away", "upright"))
    half_width, darkness, left = _half_width(ink[::5], away[::5])
    sides = [half_width, half_width]
    for side, chosen in enumerate((upright < STEEP, upright > FLAT)):
        if chosen.sum() >= LEAST_PIXELS:
            sides[side], *_ = _half_width(ink[chosen][::2], away[chosen][::2], darkness)
    if max(half_width, *sides) == HALF_WIDTHS_PX[-1] or darkness < FAINTEST or left > MOST_LEFT:
        return None
    return _Pen(wide_px=sides[0], high_px=sides[1], darkness=darkness)


def _half_width(ink: np.ndarray, away_px: np.ndarray, darkness: float | None = None) -> tuple[float, float, float]:
    """The half width in px of the round pen that explains `ink` best, its darkness, and the share of its power that it
    leaves unexplained."""
    best, least = (0.0, 0.0, np.inf), np.inf
    for half_width in HALF_WIDTHS_PX:
        cover = np.clip(half_width - away_px + 0.5, 0.0, 1.0)
        dark = float(cover @ ink / max(cover @ cover, 1e-9)) if darkness is None else darkness
        left = float(np.minimum((ink - dark * cover) ** 2, MOST_COUNTED).mean())
        if left < least:
            best, least = (float(half_width), dark, left / max(dark**2 * float((cover**2).mean()), 1e-9)), left
    return best


class _Line:
    """The line of one row through samples at `mv` (n,), moved by rounds of `look` and `move`.

    `look` finds the pixels near it: their `ink` (m,), how far `away` (m,) px from the line they are, and how `upright`
    (m,) the way there is. Of the point of the line that is nearest to each pixel it keeps the sample before, the share
    of the way to the next one, and how far above it the pixel is.
    """

    def __init__(self, ink: np.ndarray, to_px: np.ndarray, traces: Traces, row: int):
        layout, read = traces.layout, traces.mv[row].astype(np.float64)
        index, known = np.arange(len(read)), np.isfinite(read)
        self.row, self._picture, self._known = row, ink, known[:-1] & known[1:]
        self.mv = self._read = np.interp(index, index[known], read[known])
        self._error = np.clip(traces.sigma_mv[row], LEAST_MV, MOST_MV).astype(np.float64)
        self._zero = np.array([layout.left_mm, layout.baselines_mm[row], 1.0]) @ to_px
        # px to the right and down for each sample and each millivolt, and their lengths
        self._axes = np.stack([to_px[0] * layout.speed_mm_per_s / FS_HZ, -to_px[1] * layout.gain_mm_per_mv])
        self._steps = np.linalg.norm(self._axes, axis=1)

    def look(self) -> None:
        """See which pixels are near the line, and from which of its points."""
        rows, columns = self._pixels()
        self.ink = self._picture[rows, columns]
        # Pixels and samples in px along and across the page's rows, which are taken to be at right angles.
        at = (np.stack([columns, rows], axis=-1) - self._zero) @ np.linalg.inv(self._axes)
        along, across = (at * self._steps).T.astype(np.float32)
        step, heights = np.float32(self._steps[0]), (self.mv * self._steps[1]).astype(np.float32)
        rises = np.diff(heights)
        lengths = step**2 + rises**2
        first, last = np.floor(at[:, 0]).astype(np.int32), len(heights) - 2
        least = np.full(len(along), np.inf, np.float32)
        self._after, self._share, self._above = np.zeros_like(first), np.zeros_like(along), np.zeros_like(along)
        reach = int(np.ceil((NEAR_PX + 1) / step))
        for offset in range(-reach, reach + 1):
            segment = np.clip(first + offset, 0, last)
            right, above = along - segment * step, across - heights[segment]
            rise = rises[segment]
            share = np.clip((right * step + above * rise) / lengths[segment], 0.0, 1.0)
            right, above = right - share * step, above - share * rise
            square = right**2 + above**2
            nearer = square < least
            for kept, new in ((least, square), (self._after, segment), (self._share, share), (self._above, above)):
                np.copyto(kept, new, where=nearer)
        self.away = np.sqrt(least)
        self.upright = np.abs(self._above) / np.maximum(self.away, 1e-6)
        read = self._known[self._after]  # ink beside a gap tells nothing
        for name in ("ink", "away", "upright", "_after", "_share", "_above"):
            setattr(self, name, getattr(self, name)[read])

    def move(self, pen: _Pen) -> None:
        """Move the line to where the ink that was seen asks for it."""
        cover = pen.cover(self.away, self.upright)
        left = self.ink - pen.darkness * cover
        weight = (1 + (left / OUTLIER) ** 2) ** -2 / INK_NOISE**2
        at_edge = (cover > 0) & (cover < 1)
        slope = pen.darkness * at_edge * self._above / np.maximum(self.away, 1e-6) * self._steps[1]
        before, after = slope * (1 - self._share), slope * self._share
        count, segment = len(self.mv), self._after
        diagonal, beside = self._stiffness()
        off = self.mv - self._read
        wanted = -diagonal * off
        wanted[:-1] -= beside[:-1] * off[1:]
        wanted[1:] -= beside[:-1] * off[:-1]
        for here, one in ((segment, before), (segment + 1, after)):
            diagonal += np.bincount(here, weight * one**2, count)
            wanted += np.bincount(here, weight * one * left, count)
        beside += np.bincount(segment, weight * before * after, count)
        moved = solve_banded(np.stack([diagonal, beside]), wanted)
        self.mv = self.mv + np.clip(moved, -MOST_MOVE_MV, MOST_MOVE_MV)

    def _pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns (m,) of the picture's pixels that are NEAR_PX or a little more from the line."""
        samples = np.stack([np.arange(len(self.mv)), self.mv], axis=-1)
        points = self._zero + samples @ self._axes
        corner = np.floor(points.min(axis=0)).astype(int) - 2 * NEAR_PX
        width, height = np.ceil(points.max(axis=0)).astype(int) + 2 * NEAR_PX + 1 - corner
        near = np.zeros((height, width), np.uint8)
        fixed = np.rint((points - corner) * 8).astype(np.int32)  # in eighths of a pixel
        cv2.polylines(near, [fixed], False, 1, thickness=2 * NEAR_PX + 1, shift=3)
        rows, columns = np.nonzero(near)
        rows, columns = rows + corner[1], columns + corner[0]
        inside = (rows >= 0) & (rows < self._picture.shape[0]) & (columns >= 0) & (columns < self._picture.shape[1])
        return rows[inside], columns[inside]

    def _stiffness(self) -> tuple[np.ndarray, np.ndarray]:
        """How much it costs to leave the reading: the diagonal (n,) of the equations and the one beside it (n,), whose
        last is not used."""
        error = self._error
        diagonal = np.ones(len(error))
        diagonal[:-1] += STEP**-2
        diagonal[1:] += STEP**-2
        beside = np.zeros(len(error))
        beside[:-1] = -(STEP**-2) / (error[:-1] * error[1:])
        return diagonal / error**2, beside
