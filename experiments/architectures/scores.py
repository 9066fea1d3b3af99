"""The figures of the comparison: every way of reading on the same rows, clean and stained."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ecgpipe.base.files import atomic_path
from ecgpipe.trace.decode import decode_heights
from ecgpipe.trace.network import Network
from ecgpipe.training.diffusion.completion import Completer
from experiments.architectures.hidden import Told, crps, crps_of_logits, crps_of_samples, interpolated, stretches
from experiments.architectures.readings import in_mv
from experiments.architectures.stains import stained
from experiments.architectures.strips import SPEC, StripSet

STAINS = 4  # on each row
PX_PER_MV = SPEC.frame.raster.px_per_mv


class Row(NamedTuple):
    """A row to score on: its number in the set, the strip, true heights (T,) px, and which samples (T,) are hidden."""

    number: int
    strip: np.ndarray
    heights: np.ndarray
    hidden: np.ndarray


class Way(NamedTuple):
    """A way of reading that is scored: what it tells of a row, with the logits that it had, if it had any."""

    name: str
    tell: Callable[[Row], tuple[Told, np.ndarray | None]]


def rows_of(strips: StripSet, *, stains: bool) -> list[Row]:
    """Every row of a set, as it is or with `STAINS` stains, the same ones each time."""
    rows = []
    for number, (image, heights) in enumerate(zip(strips.images, strips.heights, strict=True)):
        hidden = np.zeros(len(heights), bool)
        if stains:
            image, hidden = stained(image, heights, SPEC, np.random.default_rng((4, number)), STAINS)
        rows.append(Row(number, image, heights, hidden))
    return rows


def reader(name: str, network: Network) -> Way:
    def tell(row: Row) -> tuple[Told, np.ndarray]:
        logits = network(row.strip)
        height, sigma = decode_heights(logits)
        return Told(in_mv(height, row.number), sigma / PX_PER_MV), logits

    return Way(name, tell)


def interpolation(name: str, reading: Way, sigma_mv: float) -> Way:
    """Straight lines over what is hidden, which it is told, with one standard error for all of it."""

    def tell(row: Row) -> tuple[Told, None]:
        told, _ = reading.tell(row)
        return Told(interpolated(told.mv, row.hidden), np.where(row.hidden, sigma_mv, told.sigma_mv)), None

    return Way(name, tell)


def diffusion(name: str, reading: Way, completer: Completer) -> Way:
    def tell(row: Row) -> tuple[Told, None]:
        told, _ = reading.tell(row)
        done = completer(row.strip, told.mv, told.sigma_mv, seed=row.number)
        return Told(done.mean, done.std, done.samples), None

    return Way(name, tell)


def interpolation_error_mv(strips: StripSet, rows: int = 200) -> float:
    """Root mean square error of straight lines over what stains hide of the truth of a set's first rows."""
    errors = []
    for number in range(min(rows, len(strips))):
        heights = strips.heights[number]
        _, hidden = stained(strips.images[number], heights, SPEC, np.random.default_rng((5, number)), STAINS)
        known = np.isfinite(heights)
        line = interpolated(heights[known], hidden[known])
        errors.append((line - heights[known])[hidden[known]])
    return float(np.sqrt(np.mean(np.square(np.concatenate(errors))))) / PX_PER_MV


class Figures(NamedTuple):
    """Of one way of reading: tables of its rows and of the hidden stretches, and processor seconds a page."""

    rows: pd.DataFrame
    stretches: pd.DataFrame
    seconds_per_page: float


def figures(way: Way, rows: list[Row]) -> Figures:
    """What `way` says of `rows` against the truth.

    A row's error has the row's mean error taken off, as the competition's score has; that of a stretch is as it is.
    """
    table, parts, spent = [], [], 0.0
    for row in rows:
        started = time.process_time()
        told, logits = way.tell(row)
        spent += time.process_time() - started
        truth = in_mv(row.heights, row.number)
        known = np.isfinite(truth)
        error = np.where(known, told.mv - truth, 0.0)
        centred = truth[known] - truth[known].mean()
        off = error[known] - error[known].mean()
        seen = known & ~row.hidden
        score = np.where(known, crps(told, np.nan_to_num(truth)), 0.0)
        table.append(
            {
                "page": row.number // SPEC.rows,
                "signal": np.square(centred).sum(),
                "noise": np.square(off).sum(),
                "within": (np.abs(error) <= 2 * told.sigma_mv)[seen].mean(),
                "crps": score[seen].mean(),
            }
        )
        for part in stretches(row.hidden):
            size = np.ptp(truth[part])
            sizes = [np.ptp(told.mv[part])] if told.samples is None else np.ptp(told.samples[:, part], axis=1)
            parts.append(
                {
                    "page": row.number // SPEC.rows,
                    "samples": part.stop - part.start,
                    "signal": np.square(truth[part] - truth[known].mean()).sum(),
                    "noise": np.square(error[part]).sum(),
                    "absolute": np.abs(error[part]).mean(),
                    "within": (np.abs(error[part]) <= 2 * told.sigma_mv[part]).mean(),
                    "sigma": told.sigma_mv[part].mean(),
                    "crps": score[part].mean(),
                    "crps_whole": np.nan
                    if logits is None
                    else crps_of_logits(logits[part], row.heights[part], PX_PER_MV).mean(),
                    "size": abs(sizes[0] - size)
                    if len(sizes) == 1
                    else crps_of_samples(np.asarray(sizes)[:, None], np.array([size]))[0],
                }
            )
    return Figures(pd.DataFrame(table), pd.DataFrame(parts), spent / len(rows) * SPEC.rows)


def scored(way: Way, strips: StripSet, folder: Path) -> dict[str, Figures]:
    """The figures of `way` on a set's rows, "clean" and "stained", kept in `folder` and read from there if they are."""
    found = {}
    for state in ("clean", "stained"):
        tables = [folder / f"{state}_{name}.csv" for name in ("rows", "stretches")]
        seconds = folder / f"{state}.json"
        if not seconds.exists():  # written last
            made = figures(way, rows_of(strips, stains=state == "stained"))
            folder.mkdir(parents=True, exist_ok=True)
            for file, table in zip(tables, (made.rows, made.stretches), strict=True):
                with atomic_path(file) as temporary:
                    table.to_csv(temporary, index=False)
            with atomic_path(seconds) as temporary:
                temporary.write_text(json.dumps({"seconds_per_page": made.seconds_per_page}) + "\n")
        spent = json.loads(seconds.read_text())["seconds_per_page"]
        found[state] = Figures(_table(tables[0]), _table(tables[1]), spent)
    return found


def _table(file: Path) -> pd.DataFrame:
    """A table, empty where nothing was hidden."""
    return pd.read_csv(file) if file.stat().st_size > 2 else pd.DataFrame()
