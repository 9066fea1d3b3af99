"""Whether a page shows the lines that were taken from it: nothing hides them, and no layer of it is switched off."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.rectify.pdf import MOST_PX, POINTS_PER_INCH, rendered
from ecgpipe.vector.drawing import paths

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

# None of these was swept.
DPI = 100.0
LEAST_CHANGE = 24  # levels of 255 by which a pixel changes that shows a line
LEAST_SEEN = 0.97  # share of a curve's points that must be seen


def all_seen(page: "PdfPage", sources: frozenset[int], places: Sequence[np.ndarray]) -> bool:
    """Whether each curve of `places`, (n, 2) in points of the page as it is shown, is seen: whether the page looks
    otherwise there without the objects `sources`, the numbers of its paths, that draw them."""
    import pypdfium2.raw as pdfium

    width, height = (side / POINTS_PER_INCH for side in page.get_size())
    dpi = min(DPI, float(np.sqrt(MOST_PX / (width * height))))
    drawn = [item for number, (item, _) in enumerate(paths(page)) if number in sources]
    whole = rendered(page, dpi).astype(np.int16)
    for item in drawn:
        pdfium.FPDFPageObj_SetIsActive(item, False)
    without = rendered(page, dpi).astype(np.int16)
    for item in drawn:
        pdfium.FPDFPageObj_SetIsActive(item, True)
    changed = np.abs(whole - without).max(axis=-1)
    near = np.max([np.roll(changed, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0)
    return all(_share(near, points * dpi / POINTS_PER_INCH) >= LEAST_SEEN for points in places)


def _share(changed: np.ndarray, points_px: np.ndarray) -> float:
    """The share of points (n, 2) at which pixels have changed."""
    height, width = changed.shape
    x, y = np.floor(points_px).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return float((changed[y[inside], x[inside]] >= LEAST_CHANGE).sum() / max(len(x), 1))
