"""Pictures of a printed page, one way of capture per kind, each with the exact map from page mm to picture px."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.copies import fax, photocopy
from ecgpipe.synth.capture.monitor import photograph_monitor
from ecgpipe.synth.capture.photo import photograph
from ecgpipe.synth.capture.scan import scan
from ecgpipe.synth.capture.scanner import Scanner
from ecgpipe.synth.capture.screen import render, screenshot
from ecgpipe.synth.capture.snapshot import close_snapshot, snapshot

# (page, rng, layout, long side in px) -> picture and page map
Taker = Callable[[np.ndarray, np.random.Generator, PageLayout, int], tuple[np.ndarray, PageMap]]

SCANS = ("0003", "0004", "0011", "0012")
PHOTOS = ("0005", "0006", "0009", "0010")
# The competition's nine kinds, then those of other collections.
CAPTURES: dict[str, Taker] = {
    "0001": render,
    "0003": partial(scan, kind="0003"),
    "0004": partial(scan, kind="0004"),
    "0005": partial(photograph, kind="0005"),
    "0006": photograph_monitor,
    "0009": partial(photograph, kind="0009"),
    "0010": partial(photograph, kind="0010"),
    "0011": partial(scan, kind="0011"),
    "0012": partial(scan, kind="0012"),
    "screenshot": screenshot,
    "copy": photocopy,
    "fax": fax,
    "snapshot": snapshot,
    "close": close_snapshot,
}

LONG_SIDE_PX = dict.fromkeys(PHOTOS, 4032) | {
    "0006": 4000,
    "screenshot": 1400,
    "fax": 1728,
    "snapshot": 1200,
    "close": 1200,
}
# What `random_capture` draws: the share of each kind, and between which sizes its longer side lies, in px.
SHARES = dict.fromkeys(("0001", *SCANS), 1.0) | dict.fromkeys(PHOTOS, 2.0)
SHARES |= {"screenshot": 1.5, "copy": 0.7, "fax": 0.3, "snapshot": 1.0, "close": 2.0}
LONG_SIDES_PX = {"0001": (1000, 3300)} | dict.fromkeys(SCANS, (1300, 2600)) | dict.fromkeys(PHOTOS, (1300, 4100))
LONG_SIDES_PX |= {
    "screenshot": (600, 2200),
    "copy": (1300, 2300),
    "fax": (1500, 2200),
    "snapshot": (600, 1300),
    "close": (700, 1800),
}
OWN_SIZE_SHARE = 0.5  # of renders and scans, which most often have 200 dpi
BAD_SCANNER_SHARE = 0.5
TURNED_SHARE = 0.01


@dataclass(frozen=True)
class Capture:
    """A picture `image` (H, W, 3) uint8 RGB of a page, where each page millimetre lies in it, and its `kind`."""

    image: np.ndarray
    page_map: PageMap
    kind: str = ""


def capture(
    page: np.ndarray,
    kind: str,
    rng: np.random.Generator,
    layout: PageLayout = KIT,
    *,
    long_side_px: int | None = None,
    quarter_turn: int | None = None,
    scanner: Scanner | None = None,
) -> Capture:
    """Picture the printed `page` of `layout`, (H, W, 3) uint8 RGB at 200 dpi, the way `kind` is.

    `long_side_px` is the picture's longer side (default: as in the competition; the page's own for renders and
    scans); `quarter_turn` turns the picture by that many 90° steps anticlockwise, None turns one in a hundred;
    `scanner` is a bad one for the kinds of `SCANS`, without effect on others. Raises EcgpipeError for an unknown kind
    or a page of another shape.
    """
    if kind not in CAPTURES:
        raise EcgpipeError(f"capture: unknown kind {kind!r}; expected one of {', '.join(CAPTURES)}")
    shape = (round(layout.height_mm * PX_PER_MM), round(layout.width_mm * PX_PER_MM), 3)
    if page.shape != shape or page.dtype != np.uint8:
        raise EcgpipeError(f"capture: page is {page.dtype} {page.shape}, expected uint8 {shape}; draw it at 200 dpi")
    if quarter_turn is None:
        quarter_turn = int(rng.integers(1, 4)) if rng.random() < TURNED_SHARE else 0
    long_side_px = long_side_px or LONG_SIDE_PX.get(kind, max(shape))
    options: dict[str, Any] = {"scanner": scanner} if kind in SCANS and scanner else {}
    image, page_map = CAPTURES[kind](page, rng, layout, long_side_px, **options)
    return turned(Capture(image, page_map, kind), quarter_turn)


def random_capture(page: np.ndarray, layout: PageLayout, rng: np.random.Generator) -> Capture:
    """Picture the `page` of `layout` (as for `capture`) in one of the ways of `CAPTURES`, of any usual size."""
    kinds, shares = list(SHARES), np.array(list(SHARES.values()))
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    low, high = LONG_SIDES_PX[kind]
    long_side_px = round(rng.uniform(low, high) if kind in PHOTOS else noise.log_uniform(rng, low, high))
    if kind in ("0001", *SCANS) and rng.random() < OWN_SIZE_SHARE:
        long_side_px = max(page.shape)
    scanner = Scanner.random(rng) if kind in SCANS and rng.random() < BAD_SCANNER_SHARE else None
    return capture(page, kind, rng, layout, long_side_px=long_side_px, scanner=scanner)


def turned(upright: Capture, quarter_turn: int) -> Capture:
    """`upright` after `quarter_turn` turns of 90° anticlockwise."""
    image, page_map = upright.image, upright.page_map
    for _ in range(quarter_turn % 4):
        width = image.shape[1]
        image = np.rot90(image)
        page_map = page_map.compose(partial(_turned_points, width=width))
    return Capture(np.ascontiguousarray(image), page_map, upright.kind)


def _turned_points(points: np.ndarray, width: int) -> np.ndarray:
    return np.stack([points[:, 1], width - 1 - points[:, 0]], axis=-1)
