"""What a search tries: parameters of params.yaml, each drawn from a range, as a schedule or out of a few words."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from ecgpipe.base.errors import ParamsError
from ecgpipe.params import number
from experiments.queue import Experiment

RISE = 0.05  # share of the training in which a weight comes in
STAGE = "cross_validate"
Drawn = Mapping[str, Any]  # a trial's values by name


@dataclass(frozen=True)
class Range:
    """A number between `low` and `high`."""

    parameter: str
    low: float
    high: float
    log: bool
    start: float

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ParamsError(
                f"{self.parameter}: found a range from {self.low} to {self.high}, expected the lower end first"
                f"{', above 0 for logarithms' if self.log else ''}"
            )

    def distributions(self) -> dict[str, BaseDistribution]:
        return {self.parameter: FloatDistribution(self.low, self.high, log=self.log)}

    def first(self) -> Drawn:
        return {self.parameter: self.start}

    def override(self, drawn: Drawn) -> str:
        return f"{self.parameter}={drawn[self.parameter]:.4g}"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A weight from 0 to `high` that comes in at a share of the training from 0 to `latest`."""

    parameter: str
    high: float = number(above=0)
    latest: float = number(at_least=0, at_most=1 - RISE)
    start: float

    @property
    def share(self) -> str:
        return f"{self.parameter} from"

    def distributions(self) -> dict[str, BaseDistribution]:
        return {self.parameter: FloatDistribution(0.0, self.high), self.share: FloatDistribution(0.0, self.latest)}

    def first(self) -> Drawn:
        return {self.parameter: self.start, self.share: 0.0}

    def override(self, drawn: Drawn) -> str:
        weight, share = drawn[self.parameter], drawn[self.share]
        return f"{self.parameter}=[[{share:.2f},0],[{share + RISE:.2f},{weight:.4g}]]"


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    parameter: str
    words: tuple[str, ...]
    start: str

    def distributions(self) -> dict[str, BaseDistribution]:
        return {self.parameter: CategoricalDistribution(self.words)}

    def first(self) -> Drawn:
        return {self.parameter: self.start}

    def override(self, drawn: Drawn) -> str:
        return f"{self.parameter}={drawn[self.parameter]}"


@dataclass(frozen=True, kw_only=True)
class Space:
    """All that a search tries."""

    ranges: tuple[Range, ...]
    schedules: tuple[Schedule, ...]
    choices: tuple[Choice, ...]

    def __iter__(self) -> Iterator[Range | Schedule | Choice]:
        return iter((*self.ranges, *self.schedules, *self.choices))

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's, by the names that its trials have their values under."""
        return {name: each for dimension in self for name, each in dimension.distributions().items()}

    def first(self) -> dict[str, Any]:
        """The values of the first trial."""
        return {name: value for dimension in self for name, value in dimension.first().items()}

    def overrides(self, drawn: Drawn) -> tuple[str, ...]:
        """A trial's values as `dvc exp run -S` takes them."""
        return tuple(dimension.override(drawn) for dimension in self)


@dataclass(frozen=True, kw_only=True)
class Search(Space):
    """experiments/search.yaml."""

    trials: int = number(at_least=1)
    startup_trials: int = number(at_least=1)
    seed: int = number(at_least=0)
    seeds: tuple[int, ...]
    budget: tuple[str, ...]

    def made_from(self, params: Path = Path("params.yaml"), lock: Path = Path("dvc.lock")) -> dict[str, str]:
        """Hashes of what trials must share to be compared: the space with its budget, params.yaml, data and code."""
        stage = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"][STAGE]
        parts = {
            "space": [repr(tuple(self)), self.budget],
            "parameters": yaml.safe_load(params.read_text(encoding="utf-8")),
            "data or code": {dep["path"]: dep["md5"] for dep in stage["deps"]},
        }
        return {name: hashlib.sha256(json.dumps(part).encode()).hexdigest()[:12] for name, part in parts.items()}

    def with_seeds(self, drawn: Drawn) -> list[Experiment]:
        """What was drawn, run with each of the seeds that it is judged with, all folds read."""
        shared = (*self.budget, *self.overrides(drawn))
        return [Experiment("search-seeds", (*shared, f"train.seed={seed}")) for seed in self.seeds]
