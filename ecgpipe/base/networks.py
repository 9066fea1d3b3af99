"""A trained network on disk, files of one name side by side.

`.safetensors` holds what was learnt, for a training to go on from; `.xml` and `.bin` the same as a graph of OpenVINO's,
which is all that reading needs; `.json` is their card: what they are, where they come from, and the SHA-256 of both, so
that files which do not belong together are noticed.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path

if TYPE_CHECKING:
    import openvino as ov


class Graph(NamedTuple):
    """A network as OpenVINO writes it: operations, and their constants."""

    xml: bytes
    bin: bytes


@dataclass(frozen=True)
class SavedNetwork:
    """The network at `path` (.safetensors): the hashes of `tensors` and `graph`, and the whole card."""

    path: Path
    sha256: Mapping[str, str]
    card: dict

    @staticmethod
    def load(path: Path) -> "SavedNetwork":
        """The network at `path`: only the card is read yet; DataError if it cannot be read."""
        try:
            card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            saved = SavedNetwork(path, card["sha256"], card)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise unreadable(path, error) from error
        if set(saved.sha256) != {"tensors", "graph"}:
            raise DataError(f"{path}: its card names {sorted(saved.sha256)} by SHA-256, expected tensors and graph")
        return saved

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

    def compiled(self, shape: Sequence[int], expected: Sequence[int]) -> "ov.CompiledModel":
        """The graph ready to run on inputs of `shape` on this machine's CPU, in the precision that it is quickest in
        (bfloat16 where it has instructions for that, else float32), in as many threads as OMP_NUM_THREADS says.

        DataError if it cannot be loaded or does not give an output of the shape `expected`.
        """
        import openvino as ov

        graph = self.graph()
        core, config = ov.Core(), {"PERFORMANCE_HINT": "LATENCY"}
        if (threads := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
            config["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(graph)
            model.reshape(list(shape))  # known sizes are quicker
            found = list(model.output().shape)
            compiled = core.compile_model(model, "CPU", config)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{self.path}: its graph cannot be loaded ({reason}); save it anew") from error
        if found != list(expected):
            raise DataError(f"{self.path}: its graph gives {found}, its card expects {list(expected)}; restore both")
        return compiled

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


def unreadable(path: Path, error: Exception) -> DataError:
    """What to say of a network whose card cannot be read."""
    reason = str(error).splitlines()[0]
    return DataError(f"{path}: no weights with a readable card beside them ({reason}); restore the files")


def save_network(path: Path, tensors: Mapping[str, np.ndarray], graph: Graph, about: dict) -> None:
    """Write a network's files, `path` (.safetensors) and others, the card last; `about` holds data, cost, scores."""
    from safetensors.numpy import save

    learnt = save(dict(tensors))
    card = about | {"sha256": {"tensors": _sha256(learnt), "graph": _sha256(*graph)}}
    text = json.dumps(card, indent=2, sort_keys=True) + "\n"
    for suffix, content in (
        (".safetensors", learnt),
        (".xml", graph.xml),
        (".bin", graph.bin),
        (".json", text.encode()),
    ):
        with atomic_path(path.with_suffix(suffix)) as temporary:
            temporary.write_bytes(content)


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()
