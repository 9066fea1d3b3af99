"""What a reader reads of stained rows: what the diffusion is trained on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from ecgpipe.base.files import atomic_path
from ecgpipe.trace.decode import decode_heights, to_mv
from ecgpipe.training.architectures import to_input
from ecgpipe.training.diffusion.denoiser import coarse_strips
from ecgpipe.training.diffusion.training import Readings
from experiments.architectures.stains import stained
from experiments.architectures.strips import SPEC, StripSet

MOST_STAINS = 6  # on a row; at least one


def in_mv(heights: np.ndarray, row: int) -> np.ndarray:
    """Strip px (T,) of the set's row number `row` in mV."""
    return to_mv(heights, float(SPEC.baselines[row % SPEC.rows, 0]), SPEC.frame.raster.px_per_mv)


def make_readings(file: Path, network: nn.Module, strips: StripSet, seconds: float) -> float:
    """Read as many random rows as `seconds` of processor time allow and keep them in `file`; the seconds it took.

    If the file is there, it stays as it is.
    """
    if file.exists():
        with np.load(file) as made:
            return float(made["seconds"])
    rng = np.random.default_rng(3)
    started, rows = time.process_time(), []
    for row in rng.permutation(len(strips)):
        rows.append(_read(network, strips, int(row), rng))
        if time.process_time() - started > seconds:
            break
    spent = time.process_time() - started
    parts = [np.stack(part) for part in zip(*rows, strict=True)]
    with atomic_path(file) as temporary, temporary.open("wb") as out:
        kept: dict[str, Any] = {"seconds": spent} | dict(zip(Readings._fields, parts, strict=True))
        np.savez(out, **kept)
    return spent


@torch.no_grad()
def _read(network: nn.Module, strips: StripSet, row: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A row's `Readings`, without the first axis."""
    heights = strips.heights[row]
    image, _ = stained(strips.images[row], heights, SPEC, rng, int(rng.integers(1, MOST_STAINS + 1)))
    strip = torch.from_numpy(image)[None]
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(to_input(strip))[0]
    read, sigma = decode_heights(logits.float().numpy())
    coarse = coarse_strips(strip)[0].half().numpy()
    return coarse, in_mv(read, row), sigma / SPEC.frame.raster.px_per_mv, in_mv(heights, row)


class ReadingBatches(IterableDataset):
    """Endless random batches of the `Readings` in a file."""

    def __init__(self, file: Path, *, batch_size: int, seed: tuple[int, ...]):
        with np.load(file) as kept:
            self.parts = [kept[name] for name in Readings._fields]
        self.batch_size, self.seed = batch_size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng(self.seed)
        while True:
            rows = rng.integers(len(self.parts[0]), size=self.batch_size)
            yield Readings(*(torch.from_numpy(part[rows].astype(np.float32)) for part in self.parts))
