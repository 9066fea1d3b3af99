"""Ink that two rows see: it is that one's which is sure of it."""

import numpy as np

from ecgpipe.trace.claims import Reading, settle
from ecgpipe.trace.decode import LABEL_SIGMA_PX

HIGH, SAMPLES = 120, 9


def reading(top: int, *peaks: tuple[float, float]) -> Reading:
    """A row whose strip begins at `top`, read at every sample at frame heights with these shares."""
    at = top + np.arange(HIGH)
    p = sum(share * np.exp(-np.square((at - height) / LABEL_SIGMA_PX) / 2) for height, share in peaks)
    return Reading.of(np.log(np.tile(p + 1e-30, (SAMPLES, 1))), top)


def heights(row: Reading) -> np.ndarray:
    return row.height + row.top


def test_a_row_that_is_torn_does_not_take_the_ink_of_one_that_is_sure():
    sure, torn = reading(100, (130, 1.0)), reading(60, (130, 0.7), (80, 0.3))
    assert abs(heights(torn) - 115).max() < 0.1  # between the two
    settle([sure, torn])
    np.testing.assert_allclose(heights(torn), 80, atol=0.3)
    np.testing.assert_allclose(heights(sure), 130, atol=1e-3)
    assert torn.sigma.max() < 4


def test_who_becomes_sure_tells_the_next_one():
    rows = [
        reading(40, (50, 0.2), (90, 0.8)),
        reading(80, (90, 0.6), (130, 0.4)),
        reading(120, (130, 0.9), (170, 0.1)),
        reading(160, (170, 1.0)),
    ]
    settle(rows)
    for row, height in zip(rows, (50, 90, 130, 170), strict=True):
        np.testing.assert_allclose(heights(row), height, atol=1.0)


def test_rows_that_cross_are_both_there():
    one, two = reading(100, (130, 1.0)), reading(60, (130, 0.98), (80, 0.02))
    settle([one, two])
    assert abs(heights(two) - 130).max() > 1  # it is not known: the other may hide behind this one
    crossing = [reading(100, (130, 1.0)), reading(60, (130, 1.0))]
    settle(crossing)
    for row in crossing:
        np.testing.assert_allclose(heights(row), 130, atol=1e-3)


def test_rows_read_before_count_and_are_not_changed():
    sure, torn = reading(100, (130, 1.0)), reading(60, (130, 0.7), (80, 0.3))
    before = sure.height.copy()
    settle([torn], [sure])
    np.testing.assert_allclose(heights(torn), 80, atol=0.3)
    np.testing.assert_array_equal(sure.height, before)


def test_on_a_steep_flank_all_of_the_ink_between_two_samples_is_claimed():
    rising = reading(100, (130, 1.0))
    rising.height += np.linspace(0, 60, SAMPLES) - 20
    torn = reading(60, (100, 0.4), (131, 0.6))
    settle([torn], [rising])
    middle = SAMPLES // 3  # where the other passes 130, from 126 to 134
    assert abs(heights(torn)[middle] - 100) < 1
    assert abs(heights(torn)[0] - (0.4 * 100 + 0.6 * 131)) < 0.1


def test_rows_that_are_torn_alike_tell_each_other_nothing():
    rows = [reading(100, (110, 0.4), (130, 0.6)), reading(60, (110, 0.4), (130, 0.6))]
    before = [(row.height.copy(), row.sigma.copy()) for row in rows]
    settle(rows)
    for row, (height, sigma) in zip(rows, before, strict=True):
        np.testing.assert_allclose(row.height, height, rtol=1e-6)
        np.testing.assert_allclose(row.sigma, sigma, rtol=1e-6)


def test_of_two_nearly_sure_of_one_ink_one_keeps_it():
    rows = [reading(100, (110, 0.06), (130, 0.94)), reading(60, (110, 0.06), (130, 0.94))]
    settle(rows, [reading(200, (250, 1.0))])
    assert abs(heights(rows[1]) - (0.06 * 110 + 0.94 * 130)).max() < 0.1
    assert rows[0].sigma.min() > 8  # it may be at either


def test_a_page_of_which_most_is_torn_is_left_as_it_was_read():
    rows = [reading(100, (130, 0.94), (110, 0.06)), reading(60, (130, 0.7), (80, 0.3))]
    settle(rows)
    assert abs(heights(rows[1]) - 115).max() < 0.1
