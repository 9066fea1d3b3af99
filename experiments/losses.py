"""Losses and augmentations on the same data and budget, with several seeds: `python -m experiments.losses`.

Runs the grid of experiments/losses.yaml by DVC's queue and writes its table into docs/losses.md. Stopped at any time it
goes on where it was; a run that fails is named in the table, and tried again when the command is run again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ecgpipe.base.errors import ParamsError
from ecgpipe.params import load_dataclass, presets
from experiments import queue
from experiments.presets import purpose
from experiments.queue import Experiment
from experiments.report import replace_part, spread, verdict
from stages import run

GRID = "experiments/losses.yaml"
STAGE = "cross_validate"
REPORT = Path("docs/losses.md")
SCORE = "snr_db/all"
COLUMNS = {  # metric -> heading and factor of it
    SCORE: ("score, dB", 1.0),
    "snr_db_median": ("median page, dB", 1.0),
    "mae_mv": ("error, µV", 1000.0),
    "correlation": ("correlation", 1.0),
}

Runs = Mapping[str, Mapping[str, float] | None]  # metrics of each experiment by its name, None of one that failed


@dataclass(frozen=True)
class Variant:
    """One row of the table: what it is called, when to use it, and its overrides beside the budget's."""

    name: str
    use: str
    overrides: tuple[str, ...]

    def experiments(self, grid: "Grid") -> list[Experiment]:
        """One for each seed."""
        label = self.name.replace(" ", "-")
        shared = (*grid.budget, *self.overrides)
        return [Experiment(f"losses-{label}-{seed}", (*shared, f"train.seed={seed}")) for seed in grid.seeds]


@dataclass(frozen=True)
class Grid:
    """experiments/losses.yaml."""

    seeds: tuple[int, ...]
    budget: tuple[str, ...]
    losses: tuple[str, ...]
    baseline: str
    augmentations: tuple[Variant, ...]

    def variants(self) -> list[Variant]:
        """The losses, the baseline first, then the augmentations; ParamsError at a loss that is no preset."""
        known = presets("loss")
        if unknown := {self.baseline, *self.losses} - set(known):
            raise ParamsError(f"losses: found {min(unknown)!r}, expected one of {', '.join(known)}")
        words = [self.baseline, *(word for word in self.losses if word != self.baseline)]
        losses = [Variant(word, purpose(known[word]), (f"loss={word}",)) for word in words]
        with_loss = (f"loss={self.baseline}",)
        others = [Variant(each.name, each.use, (*with_loss, *each.overrides)) for each in self.augmentations]
        return losses + others


def table(grid: Grid, runs: Runs) -> Iterator[str]:
    """Lines of Markdown: a row a variant, each metric as mean ± standard deviation over seeds, and the verdict."""
    headings = " | ".join(heading for heading, _ in COLUMNS.values())
    yield f"| variant | {headings} | against `{grid.baseline}`, dB | when to use it |"
    yield "|" + " --- |" * (len(COLUMNS) + 3)
    variants = grid.variants()
    base = _metrics(variants[0], grid, runs)
    for variant in variants:
        done = _metrics(variant, grid, runs)
        cells = [spread([factor * metrics[name] for metrics in done.values()]) for name, (_, factor) in COLUMNS.items()]
        gains = [done[seed][SCORE] - base[seed][SCORE] for seed in done.keys() & base.keys()]
        against = "" if variant is variants[0] else verdict(gains)
        yield f"| {variant.name} | {' | '.join(cells)} | {against} | {variant.use} |"
    lost = [each.name for variant in variants for each in variant.experiments(grid) if runs[each.name] is None]
    if lost:
        yield ""
        yield f"Failed, and left out: {', '.join(lost)}; `dvc queue logs NAME` says why."


def _metrics(variant: Variant, grid: Grid, runs: Runs) -> dict[int, Mapping[str, float]]:
    """By seed, of the runs that did not fail."""
    found = zip(grid.seeds, (runs[each.name] for each in variant.experiments(grid)), strict=True)
    return {seed: metrics for seed, metrics in found if metrics is not None}


def main() -> None:
    grid = load_dataclass(Grid, GRID)
    runs = queue.run([each for variant in grid.variants() for each in variant.experiments(grid)], STAGE)
    replace_part(REPORT, "python -m experiments.losses", table(grid, runs))


if __name__ == "__main__":
    run(main)
