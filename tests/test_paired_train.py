"""The baseline learns, its seed decides, and folds hold out what they say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.paired.cross_validate import folds_of, read_out_of_fold
from ecgpipe.paired.network import save_network
from ecgpipe.paired.pairs import Pairs, write_pairs
from ecgpipe.paired.params import Params, load_params
from ecgpipe.paired.score import picture_scores
from ecgpipe.paired.table import MIN_SAMPLES
from ecgpipe.paired.train import fit, read, shape_of
from tests.conftest import REPOSITORY


@pytest.fixture
def quick() -> Params:
    """The committed parameters, with a tiny network and few steps."""
    params = load_params(REPOSITORY / "paired/params.yaml")
    return replace(params, model=replace(params.model, size="tiny"), train=replace(params.train, steps=40))


@pytest.fixture
def pairs(smoke_set, tmp_path, quick) -> Pairs:
    write_pairs(smoke_set, "table.csv", quick.images, tmp_path / "pairs")
    return Pairs.load(tmp_path / "pairs", preload=False)


def test_training_learns_the_smoke_set(pairs, quick):
    network, history = fit(pairs, np.arange(3), quick, "train")
    scores = picture_scores(pairs.rows, pairs.signals, read(network, pairs.images, batch_size=2))
    assert scores["snr_db"].min() > 6  # 9 to 12 dB after 40 steps; 0 dB is no reading at all
    assert len(history) == 40 and history["loss_mse"].iloc[-1] < 0.2 * history["loss_mse"].iloc[0]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(pairs, quick, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        short = replace(quick, train=replace(quick.train, steps=3, seed=seed))
        save_network(tmp_path / name, fit(pairs, np.arange(3), short, "train")[0], "cnn", "tiny", shape_of(pairs))
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_a_held_out_picture_has_no_say_in_its_reading(pairs, quick):
    short = replace(quick, train=replace(quick.train, steps=3))
    fold_of = np.array([0, 1, 2])
    before = {rows[0]: signals for rows, signals in read_out_of_fold(pairs, fold_of, short)}
    spoilt = np.array(pairs.signals)
    spoilt[1] *= -5
    after = {rows[0]: signals for rows, signals in read_out_of_fold(replace(pairs, signals=spoilt), fold_of, short)}
    assert set(before) == {0, 1, 2}
    np.testing.assert_array_equal(before[1], after[1])
    assert not np.array_equal(before[0], after[0])


def test_the_shortest_signal_can_be_trained_on(pairs, quick):
    short = replace(quick, train=replace(quick.train, steps=2))
    _, history = fit(replace(pairs, signals=pairs.signals[..., :MIN_SAMPLES]), np.arange(3), short, "train")
    assert len(history) == 2 and history.notna().all(axis=None) and (history["loss_frequency"] > 0).all()


def test_a_loss_without_any_weight_is_an_error(pairs, quick):
    with pytest.raises(ParamsError, match="loss: found every weight 0, expected at least one above"):
        fit(pairs, np.arange(3), replace(quick, loss=replace(quick.loss, mse_weight=0.0)), "train")


# ---- folds


def rows_of(**leads_by_ecg: str) -> pd.DataFrame:
    return pd.DataFrame([(ecg, lead) for ecg, leads in leads_by_ecg.items() for lead in leads.split()]).set_axis(
        ["ecg_id", "lead"], axis=1
    )


def test_three_pictures_are_held_out_one_by_one():
    fold_of, remarks = folds_of(rows_of(a="I", b="II", c="I"), 5, seed=1)
    assert sorted(fold_of) == [0, 1, 2]
    assert remarks == [
        "cross_validate.folds: found 3 ECGs for 5 folds; each is held out by itself",
        "lead I: found 2 ECGs for 3 folds; the lead is missing in some",
        "lead II: found 1 ECG for 3 folds; the lead is never trained on when it is scored",
    ]


def test_pictures_of_one_ecg_stay_together_and_leads_are_spread():
    rows = rows_of(**{f"ecg{number}": "I II" if number % 2 else "I V1" for number in range(12)})
    fold_of, remarks = folds_of(rows, 3, seed=1)
    folds = rows.assign(fold=fold_of)
    assert (folds.groupby("ecg_id")["fold"].nunique() == 1).all() and remarks == []
    assert (pd.crosstab(folds["fold"], folds["lead"]).to_numpy() == [[4, 2, 2]] * 3).all()


def test_one_ecg_cannot_be_held_out():
    with pytest.raises(DataError, match="found 1 ECG in the table, expected at least two"):
        folds_of(rows_of(a="I II"), 3, seed=1)
