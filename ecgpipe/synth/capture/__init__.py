"""Pictures of a printed page, one way of capture per kind, each with the exact map from page mm to picture px."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.competition.dataset import KINDS
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture.monitor import photograph_monitor
from ecgpipe.synth.capture.photo import photograph
from ecgpipe.synth.capture.scan import scan

LONG_SIDE_PX = dict.fromkeys(("0005", "0009", "0010"), 4032) | {"0006": 4000}
SCAN_LONG_SIDE_PX = 2200
TURNED_SHARE = 0.01
PAGE_SHAPE = (round(KIT.height_mm * PX_PER_MM), round(KIT.width_mm * PX_PER_MM), 3)


@dataclass(frozen=True)
class Capture:
    """A picture `image` (H, W, 3) uint8 RGB of a page and where each page millimetre lies in it."""

    image: np.ndarray
    page_map: PageMap


def capture(
    page: np.ndarray,
    kind: str,
    rng: np.random.Generator,
    *,
    long_side_px: int | None = None,
    quarter_turn: int | None = None,
) -> Capture:
    """Picture the printed `page` (1700, 2200, 3) uint8 RGB, 200 dpi, the way `kind` is.

    `long_side_px` is the picture's longer side (default: as in the competition); `quarter_turn` turns the picture by
    that many 90° steps anticlockwise, None turns one in a hundred. Raises EcgpipeError for an unknown kind or a page
    of another shape.
    """
    if kind not in KINDS:
        raise EcgpipeError(f"capture: unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    if page.shape != PAGE_SHAPE or page.dtype != np.uint8:
        raise EcgpipeError(
            f"capture: page is {page.dtype} {page.shape}, expected uint8 {PAGE_SHAPE}; draw it at 200 dpi"
        )
    if quarter_turn is None:
        quarter_turn = int(rng.integers(1, 4)) if rng.random() < TURNED_SHARE else 0
    image, page_map = _upright(page, kind, rng, long_side_px or LONG_SIDE_PX.get(kind, SCAN_LONG_SIDE_PX))
    return turned(Capture(image, page_map), quarter_turn)


def turned(upright: Capture, quarter_turn: int) -> Capture:
    """`upright` after `quarter_turn` turns of 90° anticlockwise."""
    image, page_map = upright.image, upright.page_map
    for _ in range(quarter_turn % 4):
        width = image.shape[1]
        image = np.rot90(image)
        page_map = page_map.compose(partial(_turned_points, width=width))
    return Capture(np.ascontiguousarray(image), page_map)


def _turned_points(points: np.ndarray, width: int) -> np.ndarray:
    return np.stack([points[:, 1], width - 1 - points[:, 0]], axis=-1)


def _upright(page: np.ndarray, kind: str, rng: np.random.Generator, long_side_px: int) -> tuple[np.ndarray, PageMap]:
    if kind == "0001":
        return _render(page, long_side_px)
    if kind == "0006":
        image, warp = photograph_monitor(page, rng, long_side_px)
    elif kind in ("0005", "0009", "0010"):
        image, warp = photograph(page, kind, rng, long_side_px)
    else:
        image, warp = scan(page, kind, rng, long_side_px)
    return image, warp.page_map()


def _render(page: np.ndarray, long_side_px: int) -> tuple[np.ndarray, PageMap]:
    """The page itself, resized if another size is asked for."""
    factor = long_side_px / page.shape[1]
    image = page.copy()
    if factor != 1:
        size = (long_side_px, round(page.shape[0] * factor))
        edge = (factor - 1) / 2  # corners stay corners, pixel centres being the integers
        matrix = np.array([[factor, 0, edge], [0, factor, edge]], np.float64)
        soft = cv2.GaussianBlur(page, (0, 0), 0.45 / factor) if factor < 0.95 else page
        image = cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return image, PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM * factor - 0.5)
