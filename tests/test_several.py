"""Several ECGs in one picture: each is found, from the top down; one alone is looked for once."""

from collections.abc import Iterator

import numpy as np
import pytest

from ecgpipe import Digitizer
from ecgpipe.page.layout import KIT
from ecgpipe.recognize import several
from ecgpipe.recognize.several import find_pages
from ecgpipe.signals import remove_baseline_wander
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

SIGNALS = [simulate(np.random.default_rng(seed)) for seed in (5, 6)]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [draw_page(signal, 500, PageStyle(), KIT) for signal in SIGNALS]


@pytest.fixture(scope="module")
def two_sheets(pictures) -> Iterator[np.ndarray]:
    """One above the other on a table, where a digitizer finds what is found once for all tests."""
    both = np.concatenate([pictures[0], np.full((60, pictures[0].shape[1], 3), 90, np.uint8), pictures[1]])
    pages = find_pages(both)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecgpipe.digitize.digitizer.find_pages", lambda *_: pages)
        yield both


@pytest.mark.slow
def test_two_sheets_one_above_the_other_are_read_each_by_itself(two_sheets):
    ecgs = Digitizer().digitize_all(two_sheets)
    assert len(ecgs) == 2
    strip = KIT.windows[-1]
    for ecg, signal in zip(ecgs, SIGNALS, strict=True):
        read, printed = (remove_baseline_wander(leads[1]) for leads in (ecg.series_mv, signal))
        assert strip.lead == "II"
        assert np.corrcoef(read, printed)[0, 1] > 0.98  # alone on a picture they have 0.9997 and 0.988


@pytest.mark.slow
def test_of_several_the_uppermost_is_read_with_a_warning(two_sheets):
    ecg = Digitizer().digitize(two_sheets)
    assert ecg.warnings[0] == "the picture shows 2 ECGs, this is the uppermost"
    centre = ecg.page_map.to_picture(np.array(KIT.size_mm) / 2)
    assert centre[1] < len(two_sheets) / 2


def test_a_page_that_leaves_no_room_is_looked_for_once(pictures, monkeypatch):
    looks = []
    find = several.find_page
    monkeypatch.setattr(several, "find_page", lambda *args: looks.append(args) or find(*args))
    assert len(find_pages(pictures[0])) == 1 and len(looks) == 1


def test_what_else_lies_on_a_table_is_no_second_ecg_and_costs_one_look(pictures, monkeypatch):
    table = np.full((2 * pictures[0].shape[0], pictures[0].shape[1], 3), 90, np.uint8)
    table[: pictures[0].shape[0]] = pictures[0]
    looks = []
    find = several.find_page
    monkeypatch.setattr(several, "find_page", lambda *args: looks.append(args) or find(*args))
    assert len(find_pages(table)) == 1 and len(looks) == 1


@pytest.mark.slow
def test_ecg_paper_on_which_nothing_can_be_read_is_a_doubt(pictures):
    white = PageStyle(header=(), text=(255, 255, 255), trace=(255, 255, 255))
    pages = find_pages(np.concatenate([pictures[0], draw_page(np.full((12, 5000), 50.0), 500, white, KIT)]))
    assert len(pages) == 1 and pages[0].doubts == (several.UNREAD,)
