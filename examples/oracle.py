"""How much of the error is geometry: readings scored as they are, and after the best smooth warp onto the truth.

python -m examples.oracle FOLDER [FOLDER ...]   folders of pictures with true signals beside them as NAME.csv

The oracle moves each lead's reading in time and height by straight lines between knots half a second apart, as an error
of the page map would, and keeps what fits the truth best. What it gains is the most that geometry could; the rest is
reading.
"""

import argparse
from pathlib import Path

import numpy as np

from ecgpipe.competition.signals import read_leads
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES
from ecgpipe.rectify.picture import read_picture
from ecgpipe.score.compare import page_table, pair
from ecgpipe.score.metrics import competition_score, evaluate
from ecgpipe.trace.strips import FS_HZ

KNOT_S = 0.5
MOST_SHIFT_S = 0.02  # half a millimetre
ROUNDS = 5


def warped(series: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`series` (n,) moved smoothly in time and height to fit `truth` (n,) best."""
    t = np.arange(len(series)) / FS_HZ
    knots = np.linspace(0, t[-1], max(2, round(t[-1] / KNOT_S) + 1))
    hats = np.stack([np.interp(t, knots, row) for row in np.eye(len(knots))], axis=1)
    shift, lift = np.zeros(len(knots)), np.zeros(len(knots))
    stay = np.diag(np.r_[np.full(len(knots), 1e-2), np.full(len(knots), 1e-6)])  # a flat stretch tells no time
    for _ in range(ROUNDS):
        moved = np.interp(t + hats @ shift, t, series) + hats @ lift
        jacobian = np.hstack([hats * np.gradient(moved, t)[:, None], hats])
        step = np.linalg.solve(jacobian.T @ jacobian + stay, jacobian.T @ (truth - moved))
        shift = np.clip(shift + step[: len(knots)], -MOST_SHIFT_S, MOST_SHIFT_S)
        lift += step[len(knots) :]
    return np.interp(t + hats @ shift, t, series) + hats @ lift


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    digitizer = Digitizer()
    for folder in parser.parse_args().folders:
        read, oracle = [], []
        for path in sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES):
            truth = read_leads(path.with_suffix(".csv")).series_mv
            series = np.nan_to_num(digitizer.digitize(read_picture(path)).series_mv)
            best = series.copy()
            for lead, known in enumerate(np.isfinite(truth)):
                best[lead, known] = warped(series[lead, known], truth[lead, known])
            read.append(pair(path.stem, folder.name, truth, series))
            oracle.append(pair(path.stem, folder.name, truth, best))
        scores = [competition_score(page_table(evaluate(pairs))["snr"]) for pairs in (read, oracle)]
        print(f"{folder}: {len(read)} pages, {scores[0]:.2f} dB as read, {scores[1]:.2f} dB after the best warp")


if __name__ == "__main__":
    main()
