"""Weights on disk: a safetensors file and beside it a JSON card that says what they are and where they come from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import StripSpec

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "trace.safetensors"


@dataclass(frozen=True)
class Weights:
    """A network's `tensors` by name, its `size`, the strips it was trained on, and its card, as they lie at `path`."""

    path: Path
    tensors: Mapping[str, np.ndarray]
    size: str
    spec: StripSpec
    card: dict


def save_weights(path: Path, tensors: Mapping[str, np.ndarray], *, size: str, spec: StripSpec, about: dict) -> None:
    """Write `tensors` to `path` and their card to `path` with suffix .json; `about` holds data, cost, scores."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(dict(tensors)))
    card = {"size": size, "raster": asdict(spec.frame.raster), "half_height_mv": spec.half_height_mv, **about}
    with atomic_path(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")


def load_weights(path: Path) -> Weights:
    """The weights at `path` with their card; DataError if one of the two cannot be read."""
    try:
        card = json.loads(path.with_suffix(".json").read_text())
        spec = StripSpec(FrameSpec(raster=Raster(**card["raster"])), card["half_height_mv"])
        return Weights(path, load_file(path), card["size"], spec, card)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: no readable weights with a card beside them ({reason}); restore both files"
        ) from error
