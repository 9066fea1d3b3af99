"""What came of a search: its trials as a table, the best against the first with other seeds, and a picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ecgpipe.base.files import atomic_path
from experiments.queue import Experiment
from experiments.report import spread, verdict
from experiments.space import Search
from experiments.study import ENDED, SCORE, best, done, experiment_of

COLUMNS = 4  # panels side by side

Runs = Mapping[str, Mapping[str, float] | None]  # metrics of each experiment by its name, None of one that failed


def report(
    study: Study, search: Search, first_runs: Sequence[Experiment], best_runs: Sequence[Experiment], runs: Runs
) -> Iterator[str]:
    """Lines of Markdown: the best trial, how it and the first do with other seeds, and a row a trial."""
    trial = best(study)
    states = [each.state for each in done(study)]
    yield (
        f"{len(states)} trials: {states.count(TrialState.COMPLETE)} read to the end, {states.count(TrialState.PRUNED)} "
        f"given up, {states.count(TrialState.FAIL)} failed. The best is trial {trial.number}, "
        f"`dvc exp apply {experiment_of(trial).name}`:"
    )
    yield ""
    yield from (f"- `{override}`" for override in search.overrides(trial.params))
    yield ""
    pairs = zip(*([runs[each.name] for each in experiments] for experiments in (first_runs, best_runs)), strict=True)
    both = [(a[SCORE], b[SCORE]) for a, b in pairs if a and b]
    yield f"With {len(both)} seeds that no trial had, mean ± standard deviation:"
    yield ""
    yield "| first trial, dB | best trial, dB | best against first, dB, 95 % interval |"
    yield "| --- | --- | --- |"
    start_db, best_db = zip(*both, strict=True) if both else ((), ())
    yield f"| {spread(start_db)} | {spread(best_db)} | {verdict([b - a for a, b in both])} |"
    yield ""
    yield f"| trial | experiment | score after each fold, dB | {' | '.join(search.distributions())} |"
    yield "|" + " --- |" * (3 + len(search.distributions()))
    for each in done(study):
        drawn = " | ".join(_told(each.params[name]) for name in search.distributions())
        yield f"| {each.number} | `{experiment_of(each).name}` | {_scores(each)} | {drawn} |"


def draw_study(path: Path, study: Study) -> None:
    """An SVG: the score of each trial in turn, and against each of its values; hollow where it was given up."""
    trials = [trial for trial in done(study) if trial.state in ENDED]
    names = list(trials[0].distributions)
    with matplotlib.rc_context({"svg.hashsalt": "ecgpipe", "axes.grid": True, "grid.alpha": 0.3}):
        rows = -(-(1 + len(names)) // COLUMNS)
        figure = Figure(figsize=(3 * COLUMNS, 2.7 * rows), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        _scatter(panels[0], trials, [trial.number for trial in trials])
        complete = [(trial.number, trial.value) for trial in trials if trial.state == TrialState.COMPLETE]
        numbers, values = zip(*complete, strict=True)
        panels[0].step(numbers, np.maximum.accumulate(values), where="post", color="C3")
        panels[0].set_title("trial; line: best so far, hollow: given up", loc="left", fontsize="medium")
        for axes, name in zip(panels[1:], names, strict=False):
            _scatter(axes, trials, [trial.params[name] for trial in trials])
            axes.set_title(name, loc="left", fontsize="medium")
            if getattr(trials[0].distributions[name], "log", False):
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
        for axes in panels[1 + len(names) :]:
            axes.set_axis_off()
        figure.supylabel("score of the folds read, dB", fontsize="medium")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None})


def _scatter(axes: Axes, trials: Sequence[FrozenTrial], places: Sequence[Any]) -> None:
    for state, face in ((TrialState.COMPLETE, "C0"), (TrialState.PRUNED, "none")):
        some = [(place, _last(trial)) for place, trial in zip(places, trials, strict=True) if trial.state == state]
        axes.plot([place for place, _ in some], [score for _, score in some], "o", ms=5, color="C0", mfc=face)


def _last(trial: FrozenTrial) -> float:
    return trial.intermediate_values[max(trial.intermediate_values)]


def _scores(trial: FrozenTrial) -> str:
    scores = [f"{score:.2f}" for _, score in sorted(trial.intermediate_values.items())]
    ended = {TrialState.PRUNED: [*scores, "given up"], TrialState.FAIL: ["failed"]}
    return ", ".join(ended.get(trial.state, scores))


def _told(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
