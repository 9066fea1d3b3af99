"""A training's losses are told by step, and their end by the mean of its last tenth."""

import pandas as pd
import pytest

from ecgpipe.training.steps import last_losses


def test_the_last_losses_are_means_over_the_last_tenth_of_the_steps():
    history = pd.DataFrame({"step": range(30), "loss": range(30), "loss_mse": [1.0] * 29 + [4.0]})
    assert last_losses(history) == {"loss": 28.0, "loss_mse": 2.0}


@pytest.mark.parametrize(("steps", "expected"), [(0, {}), (1, {"loss": 0.0}), (4, {"loss": 3.0})])
def test_a_training_of_few_steps_has_those_of_its_last_one(steps, expected):
    assert last_losses(pd.DataFrame({"step": range(steps), "loss": range(steps)})) == expected
