"""Parts of a sheet whose boxes were miscounted are found, corrected, or said to be doubtful."""

import numpy as np
import pytest

from ecgpipe.page.layout import KIT
from ecgpipe.rectify.cycle_slips import correct_slips, find_cycle_slips
from ecgpipe.rectify.snapping import Snapping, find_snapping, snapping_mm
from tests.drawn import residuals_of

REGULAR = 5.0 * np.stack(np.meshgrid(np.arange(58), np.arange(46)), axis=-1)
ROW, COL = np.indices((46, 58))
PART = (ROW >= 30) & (COL >= 35)
STAIN = np.abs(np.maximum(30.5 - ROW, 35.5 - COL)) < 1.0  # hides two lines all round the part


def miscounted(axis: int, boxes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a wavy sheet whose lines in PART are `boxes` further on than they were counted, and how far they lie
    off their places.
    """
    line = np.stack([COL, ROW], axis=-1)
    line[PART, axis] += boxes
    printed = np.stack([snapping_mm(KIT, n, 60, -1)[line[..., n]] for n in (0, 1)], axis=-1)
    wave = 0.3 * np.sin(COL / 9.0 + ROW / 7.0)[..., None]
    nodes = 5.0 * line + printed + wave + np.random.default_rng(5).normal(0, 0.015, line.shape)
    return nodes, nodes - REGULAR


@pytest.mark.parametrize("axis, boxes", [(0, 1), (1, 1), (0, -1)])
def test_a_part_beyond_a_stain_counted_a_box_wrong_is_found_and_corrected(axis, boxes):
    nodes, off = miscounted(axis, boxes)
    seen = np.repeat(~STAIN[..., None], 2, axis=-1).astype(float)
    near = off - 5.0 * np.round(off / 5.0)  # from the line that was taken for each
    slips, doubtful = find_cycle_slips(off, ~STAIN, find_snapping(near, seen, (-1, -1), KIT), (-1, -1), KIT)
    island = PART & ~STAIN
    assert (slips[island, axis] == boxes).all()
    assert not slips[~island].any() and not slips[..., 1 - axis].any() and not doubtful.any()
    moved, known = correct_slips(nodes, seen, slips)
    assert np.abs(moved - REGULAR)[island & known.all(axis=-1)].max() < 0.5  # 0.40


def test_a_part_beyond_a_stain_is_doubtful_where_the_print_proves_nothing():
    _, off = miscounted(0, 1)
    regular = Snapping(np.zeros(58), np.zeros(46), (0.0, 0.0), (0, 0))
    slips, doubtful = find_cycle_slips(off, ~STAIN, regular, (-1, -1), KIT)
    assert not slips.any()
    np.testing.assert_array_equal(doubtful, PART & ~STAIN)


def test_a_part_beyond_a_stain_is_not_doubtful_where_the_print_fits():
    _, off = miscounted(0, 0)
    snapping = find_snapping(off, np.ones(off.shape), (-1, -1), KIT)
    slips, doubtful = find_cycle_slips(off, ~STAIN, snapping, (-1, -1), KIT)
    assert not slips.any() and not doubtful.any()


def test_a_crease_is_not_taken_for_a_slip():
    off = residuals_of(0, 0.015) + 0.25 * np.abs(np.arange(58) - 30.0)[None, :, None] * np.array([1.0, 0.0])
    snapping = find_snapping(off, np.ones(off.shape), (-1, -1), KIT)
    slips, doubtful = find_cycle_slips(off, ~STAIN, snapping, (-1, -1), KIT)
    assert not slips.any() and not doubtful.any()
