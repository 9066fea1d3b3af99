"""The frame store: one shard a record, holding every kind's frame and its geometry.

A shard is an uncompressed `.npz` whose members are read one by one. A lossless frame is `<kind>.png`, an RGBA picture
whose alpha is the mask of what the original shows; a JPEG frame is `<kind>.jpg` with that mask as `<kind>.inside`. The
page map, which draws traces back onto the original, is `<kind>.nodes` with `<kind>.step_mm`. Equal frames give equal
bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.page.geometry import FrameSpec, PageMap, resample

RECTIFIED = "rectified"  # status in pages.csv of a page whose frame is in its record's shard

_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # half the time of the default level, 3 to 20 % more bytes
_FULL_COLOUR = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]  # grids are told by colour


@dataclass(frozen=True)
class Frame:
    """A page on the millimetre grid of `spec`: `rgb` (h, w, 3) uint8, `inside` (h, w) bool where the picture shows it.

    `page_map` says where it lay in the picture.
    """

    rgb: np.ndarray
    inside: np.ndarray
    page_map: PageMap
    spec: FrameSpec

    @staticmethod
    def cut(picture: np.ndarray, page_map: PageMap, spec: FrameSpec) -> "Frame":
        """The frame of `picture` (H, W, 3) uint8 RGB by the one interpolation."""
        return Frame(*resample(picture, page_map, spec), page_map, spec)


def shard_path(folder: str | Path, record_id: str) -> Path:
    """Where the frames of a record lie."""
    return Path(folder) / f"{record_id}.npz"


def write_shard(path: str | Path, frames: Mapping[str, Frame], jpeg_quality: int | None = None) -> None:
    """Write the frames of one record by kind, lossless or as JPEG; an empty mapping gives an empty shard."""
    members: dict[str, np.ndarray] = {}
    for kind, frame in sorted(frames.items()):
        members |= {f"{kind}.{name}": value for name, value in _encode(frame, jpeg_quality).items()}
        members[f"{kind}.nodes"] = frame.page_map.nodes
        members[f"{kind}.step_mm"] = np.array(frame.page_map.step_mm)
    with atomic_path(path) as temporary:
        np.savez(temporary, allow_pickle=False, **members)


def shard_kinds(path: str | Path) -> tuple[str, ...]:
    """The kinds in a shard, sorted."""
    with _open(path) as shard:
        return tuple(name.removesuffix(".nodes") for name in shard.files if name.endswith(".nodes"))


def read_shard(path: str | Path, kind: str, spec: FrameSpec) -> Frame:
    """One frame, made with `spec`, of a shard; DataError if the shard or the kind is not there."""
    with _open(path) as shard:
        if f"{kind}.nodes" not in shard.files:
            raise DataError(f"{path}: no frame of kind {kind}; see pages.csv beside it for the reason")
        if f"{kind}.jpg" in shard.files:
            bgr = _image(path, shard[f"{kind}.jpg"], cv2.IMREAD_COLOR)
            inside = np.greater(_image(path, shard[f"{kind}.inside"], cv2.IMREAD_GRAYSCALE), 0)
        else:
            rgba = _image(path, shard[f"{kind}.png"], cv2.IMREAD_UNCHANGED)
            bgr, inside = rgba[..., :3], rgba[..., 3] > 0
        page_map = PageMap(shard[f"{kind}.nodes"], float(shard[f"{kind}.step_mm"]))
    return Frame(np.ascontiguousarray(bgr[..., ::-1]), inside, page_map, spec)


def iterate_shard(path: str | Path, spec: FrameSpec) -> Iterator[tuple[str, Frame]]:
    """(kind, frame) of every frame of a shard, one in memory at a time."""
    for kind in shard_kinds(path):
        yield kind, read_shard(path, kind, spec)


def _encode(frame: Frame, jpeg_quality: int | None) -> dict[str, np.ndarray]:
    bgr, alpha = frame.rgb[..., ::-1], frame.inside.astype(np.uint8) * 255
    if jpeg_quality is None:
        return {"png": cv2.imencode(".png", np.dstack([bgr, alpha]), _FAST_PNG)[1]}
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality, *_FULL_COLOUR]
    mask = cv2.imencode(".png", alpha, [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
    return {"jpg": cv2.imencode(".jpg", bgr, options)[1], "inside": mask}


def _image(path: str | Path, encoded: np.ndarray, flags: int) -> np.ndarray:
    image = cv2.imdecode(encoded, flags)
    if image is None:
        raise DataError(f"{path}: a picture in it cannot be decoded; run `dvc repro preprocess`")
    return image


def _open(path: str | Path) -> np.lib.npyio.NpzFile:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "not a frame shard"
        raise DataError(f"{path}: {reason}; run `dvc repro preprocess`") from None
