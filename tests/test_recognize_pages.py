"""A picture's page: the kit's goes its own road, others are recognized, and what is no ECG is refused in one line."""

from collections.abc import Callable

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.page.layout import KIT
from ecgpipe.recognize import pages
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.pages import Page, find_page
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.rectifier import Rectified, rectify
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page


@pytest.fixture(scope="module")
def kit_page() -> np.ndarray:
    return draw_page(simulate(np.random.default_rng(5)), 500, PageStyle(), KIT)


@pytest.fixture
def rectified(monkeypatch) -> Callable:
    """Rectifies a picture of a kit's page, once: `find_page` finds it done."""

    def once(picture: np.ndarray) -> Rectified:
        done = rectify(picture)
        monkeypatch.setattr(pages, "rectify", lambda picture, layout: done)
        return done

    return once


@pytest.mark.parametrize("kind", ["0001", "0003"])
def test_a_kit_page_is_rectified_and_cut_as_if_nothing_else_were_known(kit_page, rectified, kind):
    picture = capture(kit_page, kind, np.random.default_rng(0), quarter_turn=0).image
    done = rectified(picture)
    found, frame = find_page(picture), Frame.cut(picture, done.page_map, FrameSpec())
    assert not found.recognized and found.doubts == ()
    assert found.frame.spec.layout == KIT and found.quality == done.quality
    assert found.frame.rgb.tobytes() == frame.rgb.tobytes()
    assert found.frame.inside.tobytes() == frame.inside.tobytes()


def test_where_the_layout_is_known_hints_do_not_send_the_kit_page_elsewhere(kit_page, rectified):
    rectified(kit_page)
    for hints in (Hints(layout="12x1"), Hints(speed_mm_per_s=50.0), Hints(leads=tuple(KIT.lead_windows)[::-1])):
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


@pytest.mark.parametrize("light", [10, 200])
def test_a_dark_picture_whose_names_cannot_be_read_is_looked_at_in_its_negative(monkeypatch, light):
    unnamed = Page(None, None, unnamed=PageNotFound("no names"))
    named = Page(None, None)
    monkeypatch.setattr(pages, "_find_page", lambda picture, *_, **__: unnamed if picture[0, 0, 0] == light else named)
    assert find_page(np.full((50, 60, 3), light, np.uint8)) is (named if light == 10 else unnamed)
