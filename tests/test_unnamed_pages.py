"""Pages whose lead names cannot be read: the laws of the limb leads prove where these are, or the page is refused."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.doubts import OF_LAWS, limb_leads_proven
from ecgpipe.page.layout import LEADS
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.style import PageStyle
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.strips import FS_HZ
from ecgpipe.training.data import row_series

PAGE = replace(compose_layout("6x1", ()), names=())
SERIES = simulate(np.random.default_rng(3), fs_hz=FS_HZ)


def read(series: np.ndarray):
    """What is read of a clean print of `series` on a page without names."""
    return Digitizer().digitize(draw_page(series, FS_HZ, PageStyle(header=(), show_border=False), PAGE))


def test_limb_leads_that_keep_their_laws_prove_which_page_it_is():
    digitized = read(SERIES)
    assert digitized.traces.layout.name == "6x1" and OF_LAWS in digitized.warnings
    for lead, window in digitized.traces.layout.lead_windows.items():
        row = LEADS.index(lead)
        part = digitized.traces.layout.samples(window, digitized.series_mv.shape[1])
        read_mv, true_mv = digitized.series_mv[row, part][10:-10], SERIES[row, part][10:-10]
        assert np.corrcoef(read_mv, true_mv)[0, 1] > 0.9


def test_leads_that_do_not_are_refused_with_what_was_found():
    with pytest.raises(PageNotFound, match="lead names of the likeliest layout"):
        read(SERIES[[1, 0, *range(2, 12)]])  # I and II exchanged


@pytest.mark.parametrize("form", ["3x4", "3x4+1R(II)"])
def test_laws_that_hold_in_any_order_prove_nothing_without_a_lead_that_tells_it(form):
    page = compose_layout("3x4", ("II",) if "R" in form else ())
    rows = row_series(SERIES, FS_HZ, page)
    exact = Traces(rows.astype(np.float32), np.full(rows.shape, 0.005, np.float32), page)
    assert limb_leads_proven(exact) == (form == "3x4+1R(II)")
    upside_down = Traces(-exact.mv[[2, 1, 0, *range(3, page.rows)]], exact.sigma_mv, page)
    assert not limb_leads_proven(upside_down)


def test_a_strip_a_little_beside_its_columns_is_compared_as_far_as_it_goes():
    page = compose_layout("3x2", ("II",))
    mv = row_series(SERIES, FS_HZ, page).astype(np.float32)
    for off_mm in np.arange(-0.2, 0.2, 0.01):
        strip = replace(page.windows[-1], left_mm=page.windows[-1].left_mm + off_mm)
        beside = replace(page, windows=(*page.windows[:-1], strip))
        proven = limb_leads_proven(Traces(mv, np.full(mv.shape, 0.005, np.float32), beside))
        assert proven or abs(off_mm) > 0.05
