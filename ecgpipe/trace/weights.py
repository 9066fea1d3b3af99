"""Weights on disk: a safetensors file and beside it a JSON card that says what they are and where they come from."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ecgpipe.errors import DataError
from ecgpipe.files import atomic_path
from ecgpipe.geometry import FrameSpec
from ecgpipe.trace.models import TraceNet, build_model
from ecgpipe.trace.strips import StripSpec

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "trace.safetensors"


def save_weights(path: Path, model: TraceNet, *, size: str, spec: StripSpec, about: dict) -> None:
    """Write `model` (float32) to `path` and its card to `path` with suffix .json; `about` holds data, cost, scores."""
    state = {name: value.float() for name, value in model.state_dict().items() if value.is_floating_point()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save({name: value.contiguous() for name, value in state.items()}))
    card = {"size": size, "frame": asdict(spec.frame), "half_height_mm": spec.half_height_mm, **about}
    with atomic_path(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")


def load_weights(path: Path) -> tuple[TraceNet, StripSpec, dict]:
    """The network (evaluation mode), the strips it was trained on, and its card. DataError if they do not agree."""
    try:
        card = json.loads(path.with_suffix(".json").read_text())
        spec = StripSpec(FrameSpec(**card["frame"]), card["half_height_mm"])
        model = build_model(card["size"], spec.samples_per_px)
        result = model.load_state_dict(load_file(path), strict=False)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: no readable weights with a card beside them ({reason}); restore both files"
        ) from error
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or result.unexpected_keys:
        raise DataError(f"{path}: weights do not fit a {card['size']} network; restore it with its card")
    return model.to(memory_format=torch.channels_last).eval(), spec, card
