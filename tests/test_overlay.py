"""An overlay lies on the ink that it was read from, on any page."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.digitize.overlay import draw_overlay, trace_mm
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.style import PageStyle
from ecgpipe.trace.strips import FS_HZ
from tests.layouts import OTHERS, waves

WHITE = (255, 255, 255)
BARE = PageStyle(major=WHITE, minor=WHITE, trace=(0, 0, 0), show_border=False, header=())
each_page = pytest.mark.parametrize("page", [KIT, *OTHERS.values()], ids=["kit", *OTHERS])


@each_page
def test_the_overlay_covers_the_printed_trace(page):
    bare = replace(page, names=(), texts=(), pulses=(), separators=())
    series = waves(page)
    printed = draw_page(series, FS_HZ, BARE, bare)
    page_map = PageMap.from_function(bare, lambda mm: mm * PX_PER_MM - 0.5)
    drawn = draw_overlay(printed, page_map, series, replace(bare, grid=replace(bare.grid, columns=0)))
    black = printed.max(axis=2) < 60
    assert black.sum() > 1000
    assert (drawn[black] != printed[black]).any(axis=1).all()
    elsewhere = (drawn != printed).any(axis=2) & (printed.min(axis=2) == 255)
    assert elsewhere.sum() < 1.35 * black.sum(), "a little beside it: 1.08 to 1.30 times as much on these pages"


def test_what_was_not_read_is_not_drawn():
    page = OTHERS["6x2 of 5 s"]
    window = page.windows[-1]
    lead_mv = waves(page)[LEADS.index(window.lead)]
    lead_mv[3000:3100] = np.nan
    before, after = trace_mm(lead_mv, window, page)
    assert before[-1, 0] == pytest.approx(page.x_mm(window, 2999 / FS_HZ))
    assert after[0, 0] == pytest.approx(page.x_mm(window, 3100 / FS_HZ))
    assert len(before) + len(after) == 5 * FS_HZ - 100


def test_the_callers_picture_is_left_as_it_was():
    picture = np.full((300, 400, 3), 255, np.uint8)
    draw_overlay(picture, PageMap.from_function(KIT, lambda mm: mm), waves(KIT), KIT)
    assert (picture == 255).all()
