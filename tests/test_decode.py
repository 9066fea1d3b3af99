"""From distributions over heights to a height below the size of a pixel."""

import math

import numpy as np
import pytest

from ecgpipe.trace.decode import decode_heights


@pytest.mark.parametrize("second_ridge", [-1e9, -0.5])
def test_decoding_finds_the_mean_of_a_distribution_to_the_precision_of_its_numbers(second_ridge):
    height = np.linspace(30, 90, 101, dtype=np.float32)
    rows = np.arange(256, dtype=np.float32)
    first = -np.square(rows - height[:, None]) / 4.5
    second = second_ridge - np.square(rows - 200) / 4.5
    decoded, sigma = decode_heights(np.logaddexp(first, second))
    if second_ridge < -10:
        assert np.abs(decoded - height).max() < 5e-5 and (sigma < 1).all()
    else:  # torn between two curves: the mean of both, and the deviation says so
        share = 1 / (1 + math.exp(second_ridge))
        assert np.abs(decoded - share * height - (1 - share) * 200).max() < 5e-5 and (sigma > 10).all()
