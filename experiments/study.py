"""The study of a search on disk: trials drawn by Optuna, each an experiment of DVC's, and what came of them.

A search that was stopped, by whatever, goes on: the study holds the trials, DVC their experiments.
"""

import statistics
from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ecgpipe.base.errors import EcgpipeError
from experiments.queue import Experiment
from experiments.space import Search

SCORE = "snr_db/all"
AFTER = "snr_db/folds_{}"  # the score of so many folds
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
OVERRIDES, MADE_FROM, FAILED = "overrides", "made from", "failed"  # what is noted of trials and studies


class StudyError(EcgpipeError):
    """A study that belongs to another search."""


def open_study(search: Search, path: Path) -> Study:
    """The study of `search` at `path`, begun if it is not there; StudyError if it belongs to another search."""
    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path}", study_name="search", direction="maximize", load_if_exists=True
        )
    except SQLAlchemyError as error:
        raise StudyError(f"{path}: not a study of Optuna's ({str(error).splitlines()[0]}); move it away") from None
    made_from = search.made_from()
    if MADE_FROM not in study.user_attrs and not study.trials:
        study.set_user_attr(MADE_FROM, made_from)
    theirs = study.user_attrs.get(MADE_FROM, {})
    if other := [name for name, value in made_from.items() if theirs.get(name) != value]:
        raise StudyError(
            f"{path}: found {len(study.trials)} trials of a search with other {' and other '.join(other)}, expected "
            "those of this one; move the file away to begin anew"
        )
    if not study.trials:
        study.enqueue_trial(search.first())
    # A sampler that begins anew with the same seed would draw the same trials again.
    seed = search.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.startup_trials)
    return study


def take_up(study: Study) -> None:
    """Put the trials that a killed search left running in front again: their experiments are found by name."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if OVERRIDES in trial.user_attrs:
            study.enqueue_trial(trial.params, user_attrs={OVERRIDES: trial.user_attrs[OVERRIDES]})
        study.tell(trial.number, state=TrialState.FAIL)


def done(study: Study) -> list[FrozenTrial]:
    """The trials that came to an end of their own: scored, given up or failed."""
    return [trial for trial in study.trials if trial.state in ENDED or FAILED in trial.user_attrs]


def limits_db(study: Study, startup_trials: int) -> list[float]:
    """The median score of all trials after each number of folds but all; nothing with fewer trials than asked for."""
    scored = [trial.intermediate_values for trial in study.trials if trial.state in ENDED]
    if len(scored) < startup_trials:
        return []
    *counts, _ = sorted({count for scores in scored for count in scores})
    return [round(statistics.median(scores[count] for scores in scored if count in scores), 2) for count in counts]


def draw(study: Study, search: Search) -> tuple[Trial, Experiment]:
    """The next trial and its experiment, which stays the same if the trial is taken up again."""
    trial = study.ask(search.distributions())
    if OVERRIDES not in trial.user_attrs:
        overrides = [*search.budget, *search.overrides(trial.params)]
        if limits := limits_db(study, search.startup_trials):
            overrides.append(f"cross_validate.give_up_below_db=[{','.join(map(str, limits))}]")
        trial.set_user_attr(OVERRIDES, overrides)
    return trial, experiment_of(trial)


def experiment_of(trial: Trial | FrozenTrial) -> Experiment:
    """The experiment that a trial is."""
    return Experiment("search", tuple(trial.user_attrs[OVERRIDES]))


def tell(study: Study, trial: Trial, metrics: Mapping[str, float] | None) -> None:
    """Note what came of a trial: its score after each fold, and whether it was given up or failed (None)."""
    if metrics is None:
        trial.set_user_attr(FAILED, True)
        study.tell(trial, state=TrialState.FAIL)
        return
    for count in range(1, int(metrics["folds"]) + 1):
        trial.report(metrics[AFTER.format(count)], count)
    if metrics["gave_up"]:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, metrics[SCORE])


def best(study: Study) -> FrozenTrial:
    """The trial with the highest score; StudyError if none was read to the end."""
    if not study.get_trials(states=(TrialState.COMPLETE,)):
        raise StudyError(
            "found no trial that was read to the end; `dvc queue logs NAME` says why those of `dvc exp show` failed"
        )
    return study.best_trial
