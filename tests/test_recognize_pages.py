"""A picture's page: the kit's goes its own road, others are recognized, and what is no ECG is refused in one line."""

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import KIT
from ecgpipe.recognize import pages
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.pages import find_page
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.rectifier import Rectified, rectify
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page


@pytest.fixture(scope="module")
def kit_page() -> np.ndarray:
    return draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(), KIT)


@pytest.fixture(scope="module")
def rectified(kit_page) -> Rectified:
    return rectify(kit_page)


@pytest.fixture
def rectified_once(monkeypatch, rectified) -> None:
    """The kit's page is rectified once for all tests."""
    monkeypatch.setattr(pages, "rectify", lambda picture, layout: rectified)


@pytest.mark.parametrize("kind", ["0001", "0003"])
def test_a_kit_page_is_rectified_and_cut_as_if_nothing_else_were_known(kit_page, kind):
    picture = capture(kit_page, kind, np.random.default_rng(0), quarter_turn=0).image
    found, rectified = find_page(picture), rectify(picture)
    frame = Frame.cut(picture, rectified.page_map, FrameSpec())
    assert not found.recognized and found.doubts == ()
    assert found.frame.spec.layout == KIT and found.quality == rectified.quality
    assert found.frame.rgb.tobytes() == frame.rgb.tobytes()
    assert found.frame.inside.tobytes() == frame.inside.tobytes()


@pytest.mark.parametrize(
    "hints", [Hints(layout="12x1"), Hints(speed_mm_per_s=50.0), Hints(leads=tuple(KIT.lead_windows)[::-1])]
)
def test_where_the_layout_is_known_hints_do_not_send_the_kit_page_elsewhere(kit_page, rectified_once, hints):
    assert not find_page(kit_page, hints=hints, layout_known=True).recognized


@pytest.mark.parametrize("layout_known", [False, True])
def test_a_picture_without_a_grid_is_refused_in_one_line(layout_known):
    with pytest.raises(PageNotFound, match="expected") as error:
        find_page(np.full((600, 800, 3), 255, np.uint8), layout_known=layout_known)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_grid_paper_on_which_nothing_is_recorded_is_refused_in_one_line():
    white = PageStyle(header=(), text=(255, 255, 255), trace=(255, 255, 255))
    with pytest.raises(PageNotFound, match="expected a 12-lead ECG") as error:
        find_page(draw_page(np.full((12, 5000), 50.0), 500, white, KIT))
    assert "\n" not in str(error.value)
