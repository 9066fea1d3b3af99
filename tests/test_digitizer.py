"""Which weights and which laws a page is read with: the kit's with its own, any other with others and plainly."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import DEFAULT, PLAIN, leads_of
from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.recognize.pages import Page
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.quality import Quality
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

SURE = Quality(0.0, 0.0, 0.0, 0.01, 0.05, 0.9, 0)


@pytest.fixture(scope="module")
def page() -> Page:
    """A page of the kit's, seen through an exact map."""
    drawn = draw_page(simulate(np.random.default_rng(2)), 500, PageStyle(), KIT)
    exact = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
    return Page(Frame.cut(drawn, exact, FrameSpec()), SURE)


def test_weights_for_other_pages_are_loaded_when_the_first_of_them_comes(page, tmp_path):
    digitizer = Digitizer(other_weights=tmp_path / "none.safetensors")
    assert digitizer.read(page).warnings == ()
    with pytest.raises(DataError, match=r"none\.safetensors"):
        digitizer.read(replace(page, recognized=True))


def test_a_page_that_was_recognized_is_read_plainly_whatever_the_options_are(page):
    usual, plain = (Digitizer(options=DEFAULT).read(replace(page, recognized=known)) for known in (False, True))
    np.testing.assert_array_equal(usual.series_mv, leads_of(usual.traces, DEFAULT))
    np.testing.assert_array_equal(plain.series_mv, leads_of(plain.traces, PLAIN))
    assert not np.array_equal(usual.series_mv, leads_of(usual.traces, PLAIN), equal_nan=True)


def test_what_was_doubtful_about_the_layout_is_among_the_warnings(page):
    read = Digitizer().read(replace(page, recognized=True, doubts=("only 5 of 12 lead names were found",)))
    assert read.warnings[0] == "only 5 of 12 lead names were found"
