"""What a picture shows, read without knowing its truth, and kept under a hash of picture, code and weights."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from ecgpipe.base.cache import Cache
from ecgpipe.base.errors import PageNotFound, PictureError
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import leads_of
from ecgpipe.page.geometry import PageMap, resample
from ecgpipe.page.layout import KIT, MM_PER_INCH, Pulse
from ecgpipe.rectify.pagemaps import KeptMaps
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.rectifier import Rectified, rectify
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.weights import SHIPPED

RATE_HZ = 250  # of readings; a page of 200 dpi has 197 px a second
RENDER = "0001"  # the kind of clean renders
RENDER_SHAPE = (1700, 2200)  # px, of the kit's page at 200 dpi
RENDER_PX_PER_MM = 200 / MM_PER_INCH

_DARK = 110  # grey level, of 255, that the strokes of a pulse reach and no grid does; not swept
_DRAWN, _BARE = 0.9, 0.5  # least dark share of a pulse's strokes, and most of the paper between them; not swept
_STEP = 500 // RATE_HZ
_SHARES = ("hidden_share", "slipped_share")


@dataclass(frozen=True)
class Reading:
    """`series_mv` (12, 10·RATE_HZ), NaN where nothing was read; all NaN, and `reason` why, if nothing could be.

    `hidden_share` and `slipped_share` are those of `rectify.quality.Quality`.
    """

    series_mv: np.ndarray
    reason: str = ""
    hidden_share: float = 0.0
    slipped_share: float = 0.0

    @property
    def legible(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Readings:
    """A folder with a file for each picture that was read, and the page maps that were found on the way."""

    folder: Path

    @property
    def cache(self) -> Cache:
        return Cache(self.folder / "readings", __name__, (SHIPPED, SHIPPED.with_suffix(".json")))

    @property
    def maps(self) -> KeptMaps:
        return KeptMaps(self.folder / "maps")

    def key(self, sha256: str, kind: str, *, mirrored: bool = False) -> str:
        """Names the reading of a picture of `kind` with these contents, by this code and these weights."""
        return self.cache.key(sha256, kind == RENDER, mirrored)

    def of(self, path: Path, sha256: str, kind: str, *, mirrored: bool = False) -> Reading:
        """The reading of the picture at `path`, or of its mirror image; taken from the folder if it is there."""
        key = self.key(sha256, kind, mirrored=mirrored)
        if (kept := self.cache.arrays(key)) is not None:
            shares = {name: float(kept[name]) for name in _SHARES}
            return Reading(kept["series_mv"].astype(np.float32), str(kept["reason"]), **shares)
        find = rectify if mirrored else partial(self._found, sha256)
        reading = read_page(path, kind, mirrored=mirrored, find=find)
        self.cache.put_arrays(key, **asdict(reading) | {"series_mv": reading.series_mv.astype(np.float16)})
        return reading

    def _found(self, sha256: str, picture: np.ndarray) -> Rectified:
        return self.maps.of(sha256, lambda: rectify(picture))

    def keep_only(self, pictures: Collection[tuple[str, str]]) -> None:
        """Remove what was read or found in other pictures than those with these (SHA-256, kind)."""
        self.cache.keep_only({self.key(*one, mirrored=mirrored) for one in pictures for mirrored in (False, True)})
        self.maps.keep_only(sha256 for sha256, _ in pictures)


def read_page(
    path: Path, kind: str, *, mirrored: bool = False, find: Callable[[np.ndarray], Rectified] = rectify
) -> Reading:
    """The reading of the picture at `path`. If it cannot be read, no error is raised, and the reading says why."""
    digitizer = _digitizer()
    try:
        picture = read_picture(path)
        if mirrored:
            picture = np.ascontiguousarray(picture[:, ::-1])
        found = None if kind == RENDER and is_upright_render(picture) else find(picture)
    except (PageNotFound, PictureError) as error:
        return Reading(np.full((12, 10 * RATE_HZ), np.nan, np.float32), str(error).removeprefix(f"{path}: "))
    page_map = found.page_map if found else render_map()
    traces = digitizer.reader.read(*resample(picture, page_map, digitizer.spec), digitizer.spec)
    kept = Traces(traces.mv[:, ::_STEP], traces.sigma_mv[:, ::_STEP], traces.layout)
    shares = {name: getattr(found.quality, name) for name in _SHARES} if found else {}
    return Reading(leads_of(kept).astype(np.float16).astype(np.float32), **shares)


def render_map() -> PageMap:
    """The dewarping map of the kit's upright renders, which is the same for all of them."""
    return PageMap.from_function(KIT, lambda mm: mm * RENDER_PX_PER_MM - 0.5)


def is_upright_render(picture: np.ndarray) -> bool:
    """Whether `picture` (H, W, 3) has a render's size and, exactly where they are printed, its calibration pulses."""
    if picture.shape[:2] != RENDER_SHAPE:
        return False
    dark = cv2.erode(picture.max(axis=-1), np.ones((3, 3), np.uint8)) < _DARK
    return sum(_has_pulse(dark, pulse) for pulse in KIT.pulses) >= len(KIT.pulses) - 1


def _has_pulse(dark: np.ndarray, pulse: Pulse) -> bool:
    """Whether the flanks and the top of a pulse are dark, and the paper between them is not."""
    zero, left, right = KIT.baselines_mm[pulse.row], pulse.left_mm, pulse.right_mm
    up = np.linspace(1.0, KIT.gain_mm_per_mv - 1.0, 30)
    along = np.linspace(left + 1.0, right - 1.0, 15)

    def share(x_mm: np.ndarray | float, y_mm: np.ndarray | float) -> float:
        x, y = np.broadcast_arrays(x_mm, y_mm)
        at = [np.rint(mm * RENDER_PX_PER_MM - 0.5).astype(int) for mm in (y, x)]
        return float(dark[at[0], at[1]].mean())

    drawn = (share(left, zero - up), share(right, zero - up), share(along, zero - KIT.gain_mm_per_mv))
    return min(drawn) > _DRAWN and share((left + right) / 2, zero - up) < _BARE


@cache
def _digitizer() -> Digitizer:
    return Digitizer()
