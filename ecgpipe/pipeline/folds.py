"""Cross-validation splits grouped by record: no patient is on both sides, whatever the kinds of the pictures."""

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError


def assign_folds(pages: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """The fold 0..folds-1 of each record id of `pages` (id, kind), stratified by kind.

    Records come in an order shuffled by `seed`; each goes where its kinds are rarest so far, so every fold holds
    every kind about equally often even if some records lack some; of such folds to the emptiest, so that none stays
    empty. DataError with fewer records than folds.
    """
    table = pd.crosstab(pages["id"], pages["kind"])
    if len(table) < folds:
        raise DataError(
            f"cross_validate.folds: found {folds} folds for {len(table)} records, expected at least as many"
        )
    order = np.random.default_rng(seed).permutation(len(table))
    counts = np.zeros((folds, table.shape[1]), int)
    fold_of = np.empty(len(table), int)
    for record in order:
        kinds = table.to_numpy()[record]
        fold_of[record] = np.lexsort((counts.sum(1), counts @ kinds))[0]
        counts[fold_of[record]] += kinds
    return pd.Series(fold_of, index=table.index, name="fold")
