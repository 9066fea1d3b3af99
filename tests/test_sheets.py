"""Pages of other makers, from the picture to the leads: layout, names and turn are found, and what is read is right."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.digitizer import Digitized, Digitizer
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.recognize import pages
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.pages import Page, find_page
from ecgpipe.rectify.sheet import Sheet, rectify_sheet
from ecgpipe.synth.capture import capture
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.strips import FS_HZ

SERIES = simulate(np.random.default_rng(4))
PLAIN = PageStyle(header=())
PAGES = {
    "12x1": compose_layout("12x1", ()),
    "6x2 and a strip": compose_layout("6x2", ("II",)),
    "3x4 without a strip": compose_layout("3x4", ()),
    "Cabrera 6x2": compose_layout("6x2", (), order="cabrera"),
}
ALIKE = replace(PLAIN, major=PLAIN.minor, major_width_mm=PLAIN.minor_width_mm)


@cache
def drawn(page: PageLayout, style: PageStyle = PLAIN) -> np.ndarray:
    return draw_page(SERIES, FS_HZ, style, page)


@cache
def digitizer() -> Digitizer:
    return Digitizer()


@pytest.fixture
def not_the_kits(monkeypatch) -> None:
    """No page is taken for the kit's; the sheet of a picture is rectified once for all tests."""

    def refused(*_: object) -> None:
        raise PageNotFound("not the kit's page")

    monkeypatch.setattr(pages, "rectify", refused)
    monkeypatch.setattr(pages, "rectify_sheet", lambda picture: sheet_of(picture.tobytes(), picture.shape))


@cache
def sheet_of(content: bytes, shape: tuple[int, ...]) -> Sheet:
    return rectify_sheet(np.frombuffer(content, np.uint8).reshape(shape))


def printed(page: PageLayout) -> list[tuple[str, int, bool]]:
    """The lead, row and direction of each window."""
    return [(window.lead, window.row, window.gain_ratio < 0) for window in page.windows]


def snr_db(page: PageLayout, read: Digitized, shift: int = 40) -> float:
    """SNR of all stretches that `page` prints, each lead's offset and a shift in samples apart."""
    noise = signal = 0.0
    found = read.traces.layout
    for lead, window in page.lead_windows.items():
        true = SERIES[LEADS.index(lead), page.samples(window, round(page.duration_s * FS_HZ))]
        row = read.series_mv[LEADS.index(lead)]
        got = row[found.samples(found.lead_windows[lead], len(row))]
        count = min(len(true), len(got)) - 2 * shift
        true = true[shift : shift + count] - true[shift : shift + count].mean()
        off = []
        for first in range(0, min(2 * shift, len(got) - count) + 1):
            part = np.nan_to_num(got[first : first + count])
            off.append(float(np.square(part - part.mean() - true).sum()))
        noise, signal = noise + min(off), signal + float(np.square(true).sum())
    return 10 * np.log10(signal / noise)


def assert_found(page: PageLayout, found: Page) -> None:
    layout = found.frame.spec.layout
    assert found.recognized and layout.name == page.name
    assert printed(layout) == printed(page)
    assert (layout.speed_mm_per_s, layout.gain_mm_per_mv) == (page.speed_mm_per_s, page.gain_mm_per_mv)


# What is left of rows as close as those of 12x1 are the places where one wave crosses the next.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least_db"), [("12x1", 15.7), ("3x4 without a strip", 37.3), ("Cabrera 6x2", 36.9)]
)  # 16.7, 38.8, 38.4
def test_a_clean_page_of_another_layout_is_read_without_being_asked(name, least_db):
    page = PAGES[name]
    found = find_page(drawn(page))
    assert_found(page, found)
    read = digitizer().read(found)
    assert read.warnings == () or name == "12x1"  # whose rows cross
    assert snr_db(page, read) > least_db


@pytest.mark.slow
def test_a_grid_whose_lines_are_all_alike_is_as_good_as_another(not_the_kits):
    page = PAGES["6x2 and a strip"]
    read = digitizer().digitize(drawn(page, ALIKE))
    assert read.traces.layout.name == page.name
    assert snr_db(page, read) > 38.5  # 40.2


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name", "least_db"), [("0005", "Cabrera 6x2", 23.5)])
def test_a_captured_page_of_another_layout_is_read(kind, name, least_db):  # 24.7
    page = PAGES[name]
    taken = capture(drawn(page), kind, np.random.default_rng(0), page, long_side_px=2200, quarter_turn=0)
    found = find_page(taken.image)
    assert_found(page, found)
    assert snr_db(page, digitizer().read(found)) > least_db


@pytest.mark.slow
@pytest.mark.parametrize("turns", [1])
def test_a_page_upside_down_or_on_its_side_is_found(not_the_kits, turns):
    page = PAGES["6x2 and a strip"]
    found = find_page(np.rot90(drawn(page), -turns).copy())
    assert_found(page, found)
    assert found.quality.turns == turns


@pytest.mark.slow
def test_a_speed_that_is_said_is_that_of_the_page(not_the_kits):
    page = compose_layout("6x2", (), speed=50.0)
    read = Digitizer(hints=Hints(speed_mm_per_s=50.0)).digitize(drawn(page))
    assert read.traces.layout.speed_mm_per_s == 50.0
    assert {window.duration_s for window in read.traces.layout.windows} == {2.5}
    assert snr_db(page, read) > 37  # 38.8


@pytest.mark.slow
def test_twice_the_usual_speed_is_told_by_the_beats_where_the_text_is_misread(not_the_kits):
    digitized = digitizer().digitize(drawn(compose_layout("6x2", (), speed=50.0)))
    assert digitized.traces.layout.speed_mm_per_s == 50.0
    assert any("50 mm/s" in warning for warning in digitized.warnings)


@pytest.mark.slow
def test_a_mirrored_page_is_refused_in_one_line():
    with pytest.raises(PageNotFound, match="of the 12 lead names") as error:
        digitizer().digitize(drawn(PAGES["12x1"])[:, ::-1].copy())
    assert "\n" not in str(error.value)
