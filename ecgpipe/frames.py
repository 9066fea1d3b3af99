"""The frame store: one shard a record, holding every kind's frame and its geometry.

A shard is an uncompressed `.npz` whose members are read one by one: `<kind>.png`, the frame as a lossless RGBA picture
whose alpha is the mask of what the original shows, and `<kind>.nodes` with `<kind>.step_mm`, the page map that draws
traces back onto the original. Equal frames give equal bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from ecgpipe.errors import DataError
from ecgpipe.files import atomic_path
from ecgpipe.geometry import FrameSpec, PageMap, resample

RECTIFIED = "rectified"  # status in pages.csv of a page whose frame is in its record's shard

_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # half the time of the default level, 3 to 20 % more bytes


@dataclass(frozen=True)
class Frame:
    """A page on the millimetre grid: `rgb` (h, w, 3) uint8, `inside` (h, w) bool, and where it lay in the picture."""

    rgb: np.ndarray
    inside: np.ndarray
    page_map: PageMap

    @staticmethod
    def cut(picture: np.ndarray, page_map: PageMap, spec: FrameSpec) -> "Frame":
        """The frame of `picture` (H, W, 3) uint8 RGB by the one interpolation."""
        return Frame(*resample(picture, page_map, spec), page_map)


def shard_path(folder: str | Path, record_id: str) -> Path:
    """Where the frames of a record lie."""
    return Path(folder) / f"{record_id}.npz"


def write_shard(path: str | Path, frames: Mapping[str, Frame]) -> None:
    """Write the frames of one record by kind; an empty mapping gives an empty shard."""
    members = {}
    for kind, frame in sorted(frames.items()):
        members[f"{kind}.png"] = _encode(frame)
        members[f"{kind}.nodes"] = frame.page_map.nodes
        members[f"{kind}.step_mm"] = np.float64(frame.page_map.step_mm)
    with atomic_path(path) as temporary:
        np.savez(temporary, **members)


def shard_kinds(path: str | Path) -> tuple[str, ...]:
    """The kinds in a shard, sorted."""
    with _open(path) as shard:
        return tuple(name.removesuffix(".png") for name in shard.files if name.endswith(".png"))


def read_shard(path: str | Path, kind: str) -> Frame:
    """One frame of a shard; DataError if the shard or the kind is not there."""
    with _open(path) as shard:
        if f"{kind}.png" not in shard.files:
            raise DataError(f"{path}: no frame of kind {kind}; see pages.csv beside it for the reason")
        rgba = cv2.imdecode(shard[f"{kind}.png"], cv2.IMREAD_UNCHANGED)
        page_map = PageMap(shard[f"{kind}.nodes"], float(shard[f"{kind}.step_mm"]))
    return Frame(np.ascontiguousarray(rgba[..., 2::-1]), rgba[..., 3] > 0, page_map)


def iterate_shard(path: str | Path) -> Iterator[tuple[str, Frame]]:
    """(kind, frame) of every frame of a shard, one in memory at a time."""
    for kind in shard_kinds(path):
        yield kind, read_shard(path, kind)


def _encode(frame: Frame) -> np.ndarray:
    alpha = frame.inside.astype(np.uint8) * 255
    bgra = np.dstack([frame.rgb[..., ::-1], alpha])
    return cv2.imencode(".png", bgra, _FAST_PNG)[1]


def _open(path: str | Path) -> np.lib.npyio.NpzFile:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "not a frame shard"
        raise DataError(f"{path}: {reason}; run `dvc repro preprocess`") from None
