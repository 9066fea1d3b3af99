"""The ways in which rows may be read, with which weights and flips: out of fold to choose one, then of the test."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ecgpipe.params import Flips, Read
from ecgpipe.trace.ensemble import Reader, load_reader

OWN = "models/trace.safetensors"  # what the stage train writes; out of fold, the fold's own weights stand for it


@dataclass(frozen=True)
class Reading:
    """Files of weights, and how strips are flipped."""

    weights: tuple[str, ...] = (OWN,)
    flips: Flips = "none"

    @property
    def name(self) -> str:
        """The folder of its traces among those of others."""
        return "+".join([self.flips, *(path.replace("/", "_").removesuffix(".safetensors") for path in self.weights)])

    def load(self, own: Path) -> Reader:
        """What reads so, with `own` in place of OWN; DataError if weights cannot be read."""
        return load_reader([own if path == OWN else Path(path) for path in self.weights], self.flips)


def more_weights(read: Read) -> tuple[tuple[str, ...], ...]:
    """The weights to read with, then the same with those that are tried beside them, if any."""
    more = tuple(path for path in read.try_weights or () if path not in read.weights)
    return (read.weights, read.weights + more) if more else (read.weights,)


def other_flips(read: Read) -> tuple[Flips, ...]:
    """The flips to read with, then those that are tried instead."""
    return tuple(dict.fromkeys((read.flips, *(read.try_flips or ()))))


def readings(read: Read) -> tuple[Reading, ...]:
    """Every reading that may be chosen; first the one that `read` asks for."""
    return tuple(Reading(weights, flips) for weights, flips in product(more_weights(read), other_flips(read)))


def folders_of(ways: Sequence[Reading], oof: Path) -> dict[Reading, Path]:
    """Where the out-of-fold traces of each lie: of the first in `oof`, of others in folders of their own."""
    return {way: oof / way.name if place else oof for place, way in enumerate(ways)}
