"""The weights of a trace reader: a network on disk, and which strips it reads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ecgpipe.base.networks import Graph, SavedNetwork, save_network, unreadable
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.trace.strips import StripSpec

FOLDER = Path(__file__).resolve().parents[1] / "weights"
SHIPPED = FOLDER / "trace.safetensors"  # reads the kit's page
SHIPPED_ANY = FOLDER / "any.safetensors"  # reads all others


@dataclass(frozen=True)
class Weights(SavedNetwork):
    """A reader's network: its `architecture` and `size`, and the strips it was trained on.

    Where it has learnt them too, strips are `low_half_height_mv` high where rows stand close, `tall_half_height_mv`
    where waves are large.
    """

    architecture: str
    size: str
    spec: StripSpec
    low_half_height_mv: float | None = None
    tall_half_height_mv: float | None = None


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
    """Write the files of a reader's network; its graph makes of strips (N, H, W, 3) uint8 logits (N, T, H) float32."""
    reads = {
        "architecture": architecture,
        "size": size,
        "raster": asdict(spec.frame.raster),
        "half_height_mv": spec.half_height_mv,
    }
    save_network(path, tensors, graph, about | reads)


def load_weights(path: Path) -> Weights:
    """The weights at `path`: only the card is read yet; DataError if it cannot be read."""
    saved = SavedNetwork.load(path)
    card = saved.card
    try:
        spec = StripSpec(FrameSpec(raster=Raster(**card["raster"])), card["half_height_mv"])
        others = (card.get("low_half_height_mv"), card.get("tall_half_height_mv"))
        return Weights(path, saved.sha256, card, card["architecture"], card["size"], spec, *others)
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(path, error) from error
