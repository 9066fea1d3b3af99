"""What is said of a page overrules what is found on it, so that a page can be read whose lead names cannot."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.layout import CABRERA, LEADS
from ecgpipe.recognize import pages
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.marks import Marks
from ecgpipe.recognize.pages import Page
from ecgpipe.recognize.sheets import MarksReader
from ecgpipe.rectify.sheet import Sheet, rectify_sheet
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.style import PageStyle
from ecgpipe.trace.strips import FS_HZ

PAGES = {
    "four rows": compose_layout("3x4", ("II",)),
    "twelve rows": compose_layout("12x1", ()),
    "one row": compose_layout("12x1", ()),
    "no rows": compose_layout("3x4", ("II",)),
}
ROWS_LEFT = {"one row": 1, "no rows": 0}


@cache
def picture_of(name: str) -> np.ndarray:
    """A clean print of the page, without the names of its leads and without a word about its scales."""
    page = replace(PAGES[name], names=(), texts=())
    if name in ROWS_LEFT:
        windows = tuple(window for window in page.windows if window.row < ROWS_LEFT[name])
        page = replace(page, windows=windows, pulses=())
    style = PageStyle(header=(), show_border=False)
    return draw_page(simulate(np.random.default_rng(0)), FS_HZ, style, page)


@cache
def sheet_of(name: str) -> Sheet:
    return rectify_sheet(picture_of(name))


@pytest.fixture(scope="module")
def seen() -> dict[bytes, Marks]:
    """The marks that the network saw, by canvas."""
    return {}


@pytest.fixture
def found(monkeypatch, seen):
    """Finds the page of a name with hints, which is not the kit's; its sheet is rectified and looked at once for all
    tests."""

    def not_the_kit(*_):
        raise PageNotFound("not the kit's page")

    def look_once(self: MarksReader, canvas: np.ndarray) -> Marks:
        key = canvas.tobytes()
        if key not in seen:
            seen[key] = look(self, canvas)
        return seen[key]

    look = MarksReader.marks
    monkeypatch.setattr(MarksReader, "marks", look_once)
    monkeypatch.setattr(pages, "rectify", not_the_kit)

    def find(name: str, **hints: str) -> Page:
        monkeypatch.setattr(pages, "rectify_sheet", lambda picture: sheet_of(name))
        return pages.find_page(picture_of(name), hints=Hints.parsed(**hints))

    return find


def leads_on(page: Page) -> list[str]:
    """The lead of each window, "-" before one that is printed upside down."""
    return ["-" * (window.gain_ratio < 0) + window.lead for window in page.frame.spec.layout.windows]


@pytest.mark.slow
def test_a_layout_that_is_said_needs_no_names_and_is_read(found):
    page = found("twelve rows", layout="12x1")
    assert page.frame.spec.layout.name == "12x1" and leads_on(page) == list(LEADS)
    assert any(re.fullmatch("only [01] of 12 lead names were found", doubt) for doubt in page.doubts)
    ecg = Digitizer(hints=Hints("12x1")).read(page)
    assert np.isfinite(ecg.series_mv).mean() > 0.99


def test_the_strip_has_the_name_that_the_layout_says(found):
    page = found("four rows", layout="3x4+1R(V1)")
    assert page.frame.spec.layout.name == "3x4+1R(V1)" and leads_on(page)[-1] == "V1"


@pytest.mark.parametrize("said", [(*CABRERA, *LEADS[6:]), ("I", "-II", *LEADS[2:])], ids=["Cabrera", "II upside down"])
def test_leads_that_are_said_stand_where_they_are_said_to_stand(found, said):
    page = found("four rows", leads=",".join(said))
    assert leads_on(page)[:12] == list(said)


def test_scales_that_are_said_count(found):
    layout = found("four rows", layout="3x4+1R(II)", gain="20", speed="50").frame.spec.layout
    assert (layout.nominal_speed_mm_per_s, layout.gain_mm_per_mv, layout.duration_s) == (50.0, 20.0, 5.0)


@pytest.mark.parametrize(
    ("name", "hints", "words"),
    [
        ("four rows", {"layout": "12x1"}, "4 rows of traces on it, on which the 12 rows and the columns of --layout"),
        ("twelve rows", {"layout": "6x1"}, "12 rows of traces on it, on which the 6 rows and the columns of --layout"),
        ("one row", {}, "1 row of traces on it, but in no layout that is known; expected a 12-lead ECG (3x4, 6x2,"),
        ("no rows", {}, "a grid with no rows of traces on it; expected a 12-lead ECG (3x4,"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line_that_says_what_was_found_and_what_was_expected(found, name, hints, words):
    with pytest.raises(PageNotFound) as error:
        found(name, **hints)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_page_without_names_is_none_unless_it_is_proven_otherwise(found):
    words = r"12 rows of traces on it, but [01] of the 12 lead names of the likeliest layout \(12x1\)"
    assert re.search(words, str(found("twelve rows").unnamed))
    assert found("twelve rows", layout="12x1").unnamed is None
