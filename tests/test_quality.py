"""Two maps of one page say where they disagree."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, KIT
from ecgpipe.rectify.quality import disagreement_share
from ecgpipe.synth import PX_PER_MM

CLEAN = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)


@pytest.mark.parametrize("boxes", [(1, 0), (0, -1)])
def test_two_maps_of_one_page_say_where_their_boxes_were_counted_differently(boxes):
    moved = np.asarray(boxes) * BOX_MM
    rows, cols = CLEAN.nodes.shape[:2]
    right_third = (np.arange(cols) * CLEAN.step_mm > 180)[None, :, None]
    other = replace(CLEAN, nodes=np.where(right_third, CLEAN.displaced(tuple(moved)).nodes, CLEAN.nodes))
    shape = (rows * 40, cols * 40)  # holds all of it
    assert disagreement_share(CLEAN, CLEAN.displaced((0.5, 0.5)), shape, KIT) == 0.0
    share = disagreement_share(CLEAN, other, shape, KIT)
    assert share == pytest.approx((KIT.right_mm - 180) / (KIT.right_mm - KIT.left_mm), abs=0.01)
    assert disagreement_share(other, CLEAN, shape, KIT) == pytest.approx(share, abs=0.01)
