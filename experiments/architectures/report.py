"""The tables of docs/architectures.md; what stands around them is written by hand and stays."""

import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.trace.strips import FS_HZ
from experiments.architectures.budget import Training
from experiments.architectures.scores import Figures

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
DRAWS, LEVEL = 300, 0.9  # of the bootstrap over pages
LENGTHS_S = (0.1, 0.2, 0.3, 0.5)


class Arm(NamedTuple):
    """A way of reading by its `title`, what it was trained in, and its figures "clean" and "stained"."""

    title: str
    trainings: list[Training]
    scores: dict[str, Figures]


def write_report(path: Path, arms: list[Arm], *, pages: int, test_pages: int, line_mv: float) -> None:
    """Put the tables between the marks in the file at `path`; DataError if it lacks them."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Architectures\n\n{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{path}: found no {BEGIN} ... {END}, between which the tables stand; put both lines back")
    stretches = arms[0].scores["stained"].stretches
    about = (
        f"Trained on {pages} pages, scored on {test_pages} pages of other records, once clean and once with four "
        f"stains a row, which hide {len(stretches)} stretches of 0.1 s or more "
        f"(median {np.median(stretches['samples']) / FS_HZ:.2f} s). In brackets: 90 % of a bootstrap over pages. "
        f"The straight lines' standard error is their usual one on the pages trained on, {line_mv:.2f} mV."
    )
    parts = [
        begin,
        textwrap.fill(about, 120),
        _cost(arms),
        _seen(arms),
        _hidden(arms),
        _lengths(arms),
        _paired(arms),
        end,
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(before + "\n\n".join(parts) + after, encoding="utf-8")


def _cost(arms: list[Arm]) -> str:
    rows = [
        [
            arm.title,
            " + ".join(f"{training.steps:,}" for training in arm.trainings),
            f"{sum(training.spent_s for training in arm.trainings) / 60:.1f}",
            f"{arm.scores['clean'].seconds_per_page:.2f}",
        ]
        for arm in arms
    ]
    return table(["way", "steps", "min of processor time to train", "s of processor time a page"], rows)


def _seen(arms: list[Arm]) -> str:
    rows = []
    for arm in arms:
        clean, stained = arm.scores["clean"].rows, arm.scores["stained"].rows
        by_page = [decibels(part) for _, part in clean.groupby("page")]
        rows.append(
            [
                arm.title,
                f"{np.median(by_page):.1f}",
                between(clean, decibels, "{:.1f}"),
                f"{clean['within'].mean():.1%}",
                f"{1000 * clean['crps'].mean():.1f}",
                between(stained, decibels, "{:.1f}"),
            ]
        )
    head = ["way", "SNR of the median clean page, dB", "SNR of all clean pages, dB"]
    return table([*head, "within 2 sigma", "CRPS, µV", "SNR of all stained pages, dB"], rows)


def _hidden(arms: list[Arm]) -> str:
    rows = []
    for arm in arms:
        hidden = arm.scores["stained"].stretches
        whole = hidden["crps_whole"].mean()
        rows.append(
            [
                arm.title,
                between(hidden, decibels, "{:.1f}"),
                f"{1000 * hidden['absolute'].mean():.0f}",
                f"{1000 * hidden['sigma'].mean():.0f}",
                f"{hidden['within'].mean():.1%}",
                between(hidden, lambda part: 1000 * part["crps"].mean(), "{:.0f}"),
                "" if np.isnan(whole) else f"{1000 * whole:.0f}",
                f"{1000 * hidden['size'].mean():.0f}",
            ]
        )
    head = ["hidden stretches", "SNR, dB", "mean error, µV", "sigma, µV", "within 2 sigma", "CRPS, µV"]
    return table([*head, "of the whole distribution", "of the stretch's height"], rows)


def _lengths(arms: list[Arm]) -> str:
    rows = []
    for arm in arms:
        hidden = arm.scores["stained"].stretches
        length = pd.cut(hidden["samples"] / FS_HZ, LENGTHS_S, right=False, include_lowest=True)
        rows.append(
            [arm.title, *(f"{1000 * value:.0f}" for value in hidden.groupby(length, observed=False)["crps"].mean())]
        )
    return table(["CRPS, µV, by length", *(f"{a} to {b} s" for a, b in pairwise(LENGTHS_S))], rows)


def _paired(arms: list[Arm]) -> str:
    """How much more each way costs on the hidden stretches than each reader, stretch by stretch."""
    readers = [arm for arm in arms if not arm.scores["stained"].stretches["crps_whole"].isna().all()]
    rows = []
    for arm in arms:
        cells = []
        for other in readers:
            both = [one.scores["stained"].stretches for one in (arm, other)]
            difference = both[0][["page"]].assign(crps=both[0]["crps"] - both[1]["crps"])
            cells.append(
                "" if arm is other else between(difference, lambda part: 1000 * part["crps"].mean(), "{:+.1f}")
            )
        rows.append([arm.title, *cells])
    return table(["CRPS of hidden stretches, µV more than", *(other.title for other in readers)], rows)


def decibels(part: pd.DataFrame) -> float:
    """SNR of pooled powers."""
    return float(10 * np.log10(part["signal"].sum() / part["noise"].sum()))


def between(rows: pd.DataFrame, figure: Callable[[pd.DataFrame], float], form: str) -> str:
    """A figure with the interval that holds 90 % of its values when pages are drawn anew."""
    rng = np.random.default_rng(6)
    pages = [part for _, part in rows.groupby("page")]
    drawn = [figure(pd.concat([pages[k] for k in rng.integers(len(pages), size=len(pages))])) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"{form.format(figure(rows))} ({form.format(low)} to {form.format(high)})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
