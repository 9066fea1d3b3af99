"""Which candidates there are, and when one is taken."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import ParamsError
from ecgpipe.digitize.leads import LeadOptions
from ecgpipe.pipeline.candidates import Choice, choose, gain, steps
from ecgpipe.pipeline.readings import OWN, Reading
from tests.candidates import READ, TRIED

PLAIN = Choice(Reading())


def pages(*snr_db: float, kinds: int = 1) -> pd.Series:
    """Linear SNRs of `kinds` equal pages of each record."""
    index = pd.MultiIndex.from_product([range(len(snr_db)), range(kinds)], names=["id", "kind"])
    return pd.Series(10 ** (np.repeat(snr_db, kinds) / 10), index)


def names(read=READ, params=TRIED) -> list[str]:
    return [f"{step} {name}" for step, candidates in steps(read, params).items() for name in candidates]


def test_params_say_what_is_tried_and_in_which_order():
    assert names(params=replace(TRIED, merge_rhythm=False)) == []
    read = replace(READ, try_weights=(OWN, "other.safetensors"), try_flips=("none", "both"))
    params = replace(TRIED, savgol_samples=(7,), wavelet_strengths=(0.5,), wander_hz=(0.2,), limb_lead_residual_mv=0.1)
    smoothed = ["smoothing savgol_7", "smoothing wavelet_0.5"]
    assert names(read, params) == [
        "weights 2_files", "flips both", *smoothed, "wander 0.2_hz", "merge rhythm", "laws 0.1_mv"
    ]  # fmt: skip


def test_an_even_window_is_refused_by_its_path():
    with pytest.raises(ParamsError, match=r"postprocess\.savgol_samples: found 8, expected odd"):
        steps(READ, replace(TRIED, savgol_samples=(7, 8)))


def test_a_candidate_changes_its_own_option_and_no_other():
    params = replace(TRIED, gaussian_samples=(9,), limb_lead_residual_mv=0.1)
    choice = PLAIN
    for candidates in steps(READ, params).values():
        for change in candidates.values():
            choice = change(choice)
    assert choice == Choice(Reading(), LeadOptions(True, 0.1, "gaussian", 9.0))


def test_every_page_better_by_one_db_is_a_gain_of_one_db_without_error():
    db, error_db = gain(pages(20, 25, 30), pages(21, 26, 31))
    assert (db, error_db) == (pytest.approx(1), pytest.approx(0, abs=1e-9))


def test_the_error_of_a_gain_is_that_over_records_however_many_pages_each_has():
    before, after = (20.0, 20.0, 20.0), (21.0, 20.0, 20.2)
    one, many = (gain(pages(*before, kinds=kinds), pages(*after, kinds=kinds)) for kinds in (1, 9))
    assert one == pytest.approx(many) and one.error_db > 0.2


def test_of_one_record_no_gain_is_sure():
    assert gain(pages(20, kinds=9), pages(30, kinds=9)).error_db == math.inf


def scored(changes: dict[str, tuple[float, ...]]):
    """Scores of choices by the smoothing that they hold, added to (20, 20, 20) dB."""

    def score(choice: Choice) -> pd.Series:
        return pages(*(20 + np.array(changes.get(choice.leads.smoothing, (0, 0, 0)))))

    return score


SMOOTHING = {"smoothing": steps(READ, replace(TRIED, savgol_samples=(7,), gaussian_samples=(9,)))["smoothing"]}


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({"savgol": (1.0, 1.1, 0.9), "gaussian": (0.5, 0.5, 0.5)}, "savgol"),
        ({"savgol": (3.0, -1.0, 1.0), "gaussian": (0.5, 0.5, 0.5)}, "gaussian"),  # more, but who knows
        ({"savgol": (3.0, -1.0, 1.0), "gaussian": (-0.5, -0.5, -0.5)}, "none"),
        ({}, "none"),  # the same score is no gain
    ],
)
def test_the_largest_gain_that_is_sure_is_taken_or_none(changes, taken):
    choice, tried = choose(PLAIN, SMOOTHING, scored(changes), 2.0)
    assert choice.leads.smoothing == taken
    assert [one.name.split("_")[0] for one in tried if one.taken] == ([] if taken == "none" else [taken])


def test_a_later_step_is_tried_upon_what_was_taken_before():
    both = {**SMOOTHING, "merge": steps(READ, TRIED)["merge"]}
    seen = []

    def score(choice: Choice) -> pd.Series:
        seen.append(choice.leads)
        return pages(*(20 + np.array([1, 1, 1]) * (choice.leads.smoothing == "savgol")))

    choose(PLAIN, both, score, 2.0)
    assert seen[-1] == LeadOptions(True, smoothing="savgol", smoothing_amount=7.0)
