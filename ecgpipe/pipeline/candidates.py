"""What may be chosen on out-of-fold readings, step by step, and when a gain is more than chance."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ecgpipe.base.errors import ParamsError
from ecgpipe.digitize.leads import PLAIN, LeadOptions
from ecgpipe.params import Postprocess, Read
from ecgpipe.pipeline.readings import Reading, more_weights, other_flips
from ecgpipe.score.metrics import competition_score

Change = Callable[["Choice"], "Choice"]
Step = dict[str, Change]  # what is tried in place of nothing, by name


@dataclass(frozen=True)
class Choice:
    """How pages are read, and how leads are made from their traces."""

    reading: Reading
    leads: LeadOptions = PLAIN


class Gain(NamedTuple):
    """What a candidate adds to the score in dB, and the standard error of that over records (inf for one record)."""

    db: float
    error_db: float


class Tried(NamedTuple):
    """A candidate of a step, beside what had been chosen before it."""

    step: str
    name: str
    gain: Gain
    taken: bool


def steps(read: Read, params: Postprocess) -> dict[str, Step]:
    """The candidates that the parameters allow, step by step in the order in which a page passes them.

    ParamsError if a window of smoothing is even.
    """
    weights: Step = {f"{len(paths)}_files": _reading(weights=paths) for paths in more_weights(read)[1:]}
    flips: Step = {name: _reading(flips=name) for name in other_flips(read)[1:]}
    smoothing: Step = {}
    for method in ("savgol", "gaussian"):
        for samples in getattr(params, f"{method}_samples") or ():
            if samples % 2 == 0:
                raise ParamsError(f"postprocess.{method}_samples: found {samples}, expected odd windows such as 7")
            smoothing[f"{method}_{samples}"] = _leads(smoothing=method, smoothing_amount=float(samples))
    for strength in params.wavelet_strengths or ():
        smoothing[f"wavelet_{strength:g}"] = _leads(smoothing="wavelet", smoothing_amount=strength)
    wander = {f"{cutoff_hz:g}_hz": _leads(wander_hz=cutoff_hz) for cutoff_hz in params.wander_hz or ()}
    merge = {"rhythm": _leads(merge_rhythm=True)} if params.merge_rhythm else {}
    limit_mv = params.limb_lead_residual_mv
    laws = {f"{limit_mv:g}_mv": _leads(limb_lead_residual_mv=limit_mv)} if limit_mv else {}
    return {"weights": weights, "flips": flips, "smoothing": smoothing, "wander": wander, "merge": merge, "laws": laws}


def choose(
    first: Choice, steps: Mapping[str, Step], score: Callable[[Choice], pd.Series], standard_errors: float
) -> tuple[Choice, list[Tried]]:
    """The best choice by forward selection from `first`, and what each candidate gained.

    Of each step in turn the candidate with the largest gain is taken if that is above 0 and above `standard_errors` of
    its standard errors. `score` gives a choice's linear SNR of each page, indexed by id and kind.
    """
    chosen, before, tried = first, score(first), []
    for step, candidates in steps.items():
        scores = {name: score(change(chosen)) for name, change in candidates.items()}
        gains = {name: gain(before, after) for name, after in scores.items()}
        sure = [name for name, one in gains.items() if one.db > max(0.0, standard_errors * one.error_db)]
        best = max(sure, key=lambda name: gains[name].db, default=None)
        tried += [Tried(step, name, one, name == best) for name, one in gains.items()]
        if best is not None:
            chosen, before = candidates[best](chosen), scores[best]
    return chosen, tried


def gain(before: pd.Series, after: pd.Series) -> Gain:
    """How much higher the competition's score of `after` is, both linear SNRs of pages indexed by id and kind.

    The standard error is the jackknife's, which leaves out one record after the other: pages of a record show the same
    signals, so that they do not tell independently what helps (Efron and Stein, Annals of Statistics 1981).
    """
    ids = before.index.get_level_values("id")
    records = ids.unique()

    def without(record: str | None) -> float:
        kept = ids != record
        return competition_score(after[kept]) - competition_score(before[kept])

    n = len(records)
    if n < 2:
        return Gain(without(None), math.inf)
    return Gain(without(None), math.sqrt((n - 1) * np.var([without(record) for record in records])))


def _reading(**changes: Any) -> Change:
    return lambda choice: replace(choice, reading=replace(choice.reading, **changes))


def _leads(**changes: Any) -> Change:
    return lambda choice: replace(choice, leads=replace(choice.leads, **changes))
