"""k-fold cross-validation of the baseline: every picture is read by a network that never saw its ECG."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import Params
from ecgpipe.paired.train import fit, read
from ecgpipe.pipeline.folds import assign_folds


def folds_of(rows: pd.DataFrame, folds: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """The fold (N,) of each of `rows` (ecg_id, lead): grouped by ECG, stratified by lead; and what is to be said of it.

    There are no more folds than ECGs. A lead of fewer ECGs than folds is missing in some; that, and fewer folds than
    asked for, is said in a line each. DataError with a single ECG.
    """
    ecgs = rows["ecg_id"].nunique()
    if ecgs < 2:
        raise DataError(f"cross_validate.folds: found {ecgs} ECG in the table, expected at least two to hold one out")
    remarks = []
    if ecgs < folds:
        remarks.append(f"cross_validate.folds: found {ecgs} ECGs for {folds} folds; each is held out by itself")
        folds = ecgs
    for lead, number in rows.groupby("lead", sort=False)["ecg_id"].nunique().items():
        if number < folds:
            what = "is never trained on when it is scored" if number == 1 else "is missing in some"
            remarks.append(f"lead {lead}: found {number} ECG{'s' * (number > 1)} for {folds} folds; the lead {what}")
    named = rows.rename(columns={"ecg_id": "id", "lead": "kind"})
    return rows["ecg_id"].map(assign_folds(named, folds, seed)).to_numpy(), remarks


def read_out_of_fold(pairs: Pairs, fold_of: np.ndarray, params: Params) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Train without one fold after the other; yields its rows, and what the network reads of them as `train.read`."""
    for fold in np.unique(fold_of):
        held_out = np.flatnonzero(fold_of == fold)
        network, _ = fit(pairs, np.flatnonzero(fold_of != fold), params, f"fold {fold}")
        yield held_out, read(network, pairs.images[held_out], params.train.batch_size)
