"""Cross-validation splits: patients apart, kinds and sizes alike."""

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.pipeline.folds import assign_folds


def pages_of(kinds_by_record: dict[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(record, kind) for record, kinds in kinds_by_record.items() for kind in kinds], columns=["id", "kind"]
    )


FULL = pages_of({str(record): ["0001", "0005", "0012"] for record in range(11)})


def test_all_pages_of_a_record_are_in_one_fold_and_every_fold_is_used():
    folds = assign_folds(FULL, 3, seed=1)
    assert folds.index.is_unique and set(folds.index) == set(FULL["id"]) and set(folds) == {0, 1, 2}


def test_folds_differ_by_at_most_one_record():
    assert np.ptp(assign_folds(FULL, 3, seed=1).value_counts()) == 1


def test_a_kind_that_few_records_have_is_spread_over_the_folds():
    pages = pages_of({str(record): ["0001", "0006"] if record < 4 else ["0001"] for record in range(12)})
    folds = assign_folds(pages, 4, seed=3)
    assert folds[[str(record) for record in range(4)]].nunique() == 4


def test_no_fold_stays_empty_where_records_have_one_kind_each():
    pages = pages_of({"a": ["I"], "b": ["I"], "c": ["II"]})
    assert all(set(assign_folds(pages, 3, seed)) == {0, 1, 2} for seed in range(6))


def test_folds_are_alike_in_size_and_kinds_where_records_have_one_kind_each():
    pages = pages_of({f"{kind}{record}": [kind] for kind in "abcdefg" for record in range(4)})
    folds = assign_folds(pages, 3, seed=1)
    assert np.ptp(folds.value_counts()) <= 1
    assert (np.ptp(pd.crosstab(folds.to_numpy(), folds.index.str[0]).to_numpy(), axis=0) <= 1).all()


def test_the_seed_decides_and_the_order_of_pages_does_not():
    shuffled = FULL.sample(frac=1, random_state=0)
    assert assign_folds(FULL, 3, seed=1).equals(assign_folds(shuffled, 3, seed=1))
    assert not assign_folds(FULL, 3, seed=1).equals(assign_folds(FULL, 3, seed=2))


def test_more_folds_than_records_is_an_error_that_names_the_parameter():
    with pytest.raises(DataError, match=r"cross_validate\.folds: found 12 .* 11 records"):
        assign_folds(FULL, 12, seed=1)
