"""A trained network on disk, files of one name side by side.

`.safetensors` holds what was learnt, for a training to go on from; `.xml` and `.bin` the same as a graph of OpenVINO's,
which is all that reading needs; `.json` is their card: what they are, where they come from, and the SHA-256 of both, so
that files which do not belong together are noticed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import StripSpec

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "trace.safetensors"


class Graph(NamedTuple):
    """Strips (N, H, W, 3) uint8 -> logits (N, T, H) float32, as OpenVINO writes it: operations, and their constants."""

    xml: bytes
    bin: bytes


@dataclass(frozen=True)
class Weights:
    """The network at `path` (.safetensors): its `architecture` and `size`, the strips it was trained on, the hashes
    of `tensors` and `graph`, and the whole card."""

    path: Path
    architecture: str
    size: str
    spec: StripSpec
    sha256: Mapping[str, str]
    card: dict

    def tensors(self) -> dict[str, np.ndarray]:
        """The learnt tensors by name; DataError if they cannot be read or their hash is not the card's."""
        from safetensors import SafetensorError  # reading does without
        from safetensors.numpy import load

        (content,) = self._read("tensors", ".safetensors")
        try:
            return load(content)
        except SafetensorError as error:
            raise DataError(f"{self.path}: not a safetensors file ({error}); restore it") from error

    def graph(self) -> Path:
        """The graph's .xml, its .bin beside it; DataError if their hash is not the card's."""
        self._read("graph", ".xml", ".bin")
        return self.path.with_suffix(".xml")

    def _read(self, part: str, *suffixes: str) -> list[bytes]:
        paths = [self.path.with_suffix(suffix) for suffix in suffixes]
        names = " and ".join(map(str, paths))
        try:
            contents = [path.read_bytes() for path in paths]
        except OSError as error:
            raise DataError(
                f"{names}: not readable ({error.strerror}); restore the files of {self.path.stem}"
            ) from None
        found, expected = _sha256(*contents), self.sha256[part]
        if found != expected:
            raise DataError(
                f"{names}: found SHA-256 {found[:12]}, but the card beside expects {expected[:12]}; "
                f"restore all files of {self.path.stem} together"
            )
        return contents


def save_weights(
    path: Path,
    tensors: Mapping[str, np.ndarray],
    graph: Graph,
    *,
    architecture: str,
    size: str,
    spec: StripSpec,
    about: dict,
) -> None:
    """Write a network's files, `path` (.safetensors) and others, the card last; `about` holds data, cost, scores."""
    from safetensors.numpy import save

    learnt = save(dict(tensors))
    card = about | {
        "architecture": architecture,
        "size": size,
        "raster": asdict(spec.frame.raster),
        "half_height_mv": spec.half_height_mv,
        "sha256": {"tensors": _sha256(learnt), "graph": _sha256(*graph)},
    }
    text = json.dumps(card, indent=2, sort_keys=True) + "\n"
    for suffix, content in (
        (".safetensors", learnt),
        (".xml", graph.xml),
        (".bin", graph.bin),
        (".json", text.encode()),
    ):
        with atomic_path(path.with_suffix(suffix)) as temporary:
            temporary.write_bytes(content)


def load_weights(path: Path) -> Weights:
    """The weights at `path`: only the card is read yet; DataError if it cannot be read."""
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        spec = StripSpec(FrameSpec(raster=Raster(**card["raster"])), card["half_height_mv"])
        weights = Weights(path, card["architecture"], card["size"], spec, card["sha256"], card)
    except (OSError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: no weights with a readable card beside them ({reason}); restore the files") from error
    if set(weights.sha256) != {"tensors", "graph"}:
        raise DataError(f"{path}: its card names {sorted(weights.sha256)} by SHA-256, expected tensors and graph")
    return weights


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()
