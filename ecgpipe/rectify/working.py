"""Pictures brought to a size in which a grid is looked for, and the way back from there to their own pixels."""

import cv2
import numpy as np

from ecgpipe.rectify.contrast import grid_contrast
from ecgpipe.rectify.mesh import GridMesh
from ecgpipe.rectify.picture import CLOSEST_PX
from ecgpipe.rectify.refine import RefinedPage, refine_closer

# Names in quotes are sections of docs/log.md.
# Long sides in px of the working picture. A far sheet's boxes are too small at the first ("Rectification that grows");
# at 4000 px fewer pages are found ("Ink beside the grid").
LONG_SIDES_PX = (2000, 3000)
REACH_PX = 15  # of the illumination's closing, at 2000 px: wider than a line, narrower than half a box; not swept
SEEDS = 3  # that are grown before the sheet counts as not found; not swept
NO_GRID = "no 5 mm grid found; expected a picture of an ECG on millimetre paper"


def resized(picture: np.ndarray, long_side_px: int) -> np.ndarray:
    """`picture` (H, W, 3) with a long side of `long_side_px`."""
    shrink = long_side_px / max(picture.shape[:2])
    method = cv2.INTER_AREA if shrink < 1 else cv2.INTER_CUBIC
    # By size, not by factor: a factor may cut the last row or column, and then the scale is not that of the shapes.
    size = [max(round(side * shrink), 1) for side in picture.shape[1::-1]]
    return cv2.resize(picture, size, interpolation=method)


def close_contrast(picture: np.ndarray, long_side_px: int) -> np.ndarray:
    """The contrast (h, w) of `picture` (H, W, 3) as it is, or of CLOSEST_PX at most, in which the lines of a working
    picture of `long_side_px` are localised at last."""
    close = resized(picture, max(min(max(picture.shape[:2]), CLOSEST_PX), long_side_px))
    zoom = max(close.shape[:2]) / long_side_px
    return grid_contrast(close, round(REACH_PX * zoom), coarse=round(zoom))


def closer(
    refined: RefinedPage, dark: np.ndarray, shape: tuple[int, ...], covered: np.ndarray, coloured: bool
) -> GridMesh:
    """The refined mesh on its lines as they are in `dark`, the `close_contrast` of a picture of `shape`, in whose
    pixels it comes back.

    `covered` (h, w) is true where the working picture shows the trace; the grid is `coloured` or grey.
    """
    in_picture, in_close, in_work = (np.array(size[1::-1]) for size in (shape, dark.shape, covered.shape))
    hidden = cv2.resize(covered.astype(np.uint8), dark.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    bare = np.where(hidden, np.float32(np.nan), dark)
    return refine_closer(refined, bare, in_close / in_work, coloured).scaled(in_picture / in_close)
