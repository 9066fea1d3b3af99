"""Fit what `digitize.tempo` knows of heart beats: `python -m examples.tempo FOLDER` of 500 Hz WFDB records.

Six random leads of each record are taken as they are, and at half their speed.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.signal import resample_poly

from ecgpipe.digitize.tempo import features
from ecgpipe.synth.ecg import list_wfdb, read_wfdb


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    usual, slow = [], []
    for path in list_wfdb(folder)[:1000]:
        leads = read_wfdb(path)[rng.permutation(12)[:6]]
        usual.append(features(leads[:, :2500]))
        slow.append(features(resample_poly(leads[:, :1250], 2, 1, axis=1)))
    known = [[one for one in some if one is not None] for some in (usual, slow)]
    design = np.column_stack([np.log(np.array(known[0] + known[1])), np.ones(sum(map(len, known)))])
    sign = np.repeat([-1.0, 1.0], [len(some) for some in known])

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (design @ weights)).mean() + 1e-6 * (weights**2).sum())

    weights = minimize(loss, np.zeros(design.shape[1])).x
    chance = 1 / (1 + np.exp(-design @ weights))
    print("weights and constant:", np.round(weights, 3))
    for limit in (0.5, 0.9, 0.97):
        shares = [(chance[sign == value] > limit).mean() for value in (-1, 1)]
        print(f"above {limit}: {shares[0]:.1%} as they are, {shares[1]:.1%} at half their speed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
