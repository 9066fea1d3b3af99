"""Cross-validation splits grouped by record: no patient is on both sides, whatever the kinds of the pictures."""

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError


def assign_folds(pages: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    """The fold 0..folds-1 of each record id of `pages` (id, kind), stratified by kind.

    Records come in an order shuffled by `seed`; each goes where its kinds are rarest so far, a kind counting more the
    fewer records have it, and among equals to the smallest fold. So every fold holds every kind about equally often
    even if some records lack some, and none is empty. DataError with fewer records than folds.
    """
    table = pd.crosstab(pages["id"], pages["kind"])
    if len(table) < folds:
        raise DataError(
            f"cross_validate.folds: found {folds} folds for {len(table)} records, expected at least as many"
        )
    kinds = table.to_numpy()
    shares = kinds / kinds.sum(0)
    counts, sizes = np.zeros((folds, kinds.shape[1]), int), np.zeros(folds, int)
    fold_of = np.empty(len(table), int)
    for record in np.random.default_rng(seed).permutation(len(table)):
        fold = fold_of[record] = np.lexsort((sizes, counts @ shares[record]))[0]
        counts[fold] += kinds[record]
        sizes[fold] += 1
    return pd.Series(fold_of, index=table.index, name="fold")
