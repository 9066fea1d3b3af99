"""Words fill the width that is said of them, in every font and however its letters are altered."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.dates import find_date
from ecgpipe.rectify.lettering import find_letters
from ecgpipe.synth import PX_PER_MM as KIT_PX_PER_MM
from ecgpipe.synth.lettering import MACHINE_FONTS, PLAIN, Lettering, kit_page, print_words, text_width_mm
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import header_texts

SIZE_MM, PX_PER_MM = 4.0, 10.0
AT_PX = (40.0, 60.0)
ALTERED = {
    "plain": PLAIN,
    "condensed": Lettering(stretch=0.7),
    "wide": Lettering(stretch=1.3),
    "bold": Lettering(weight=0.05),
    "spaced": Lettering(spacing=0.2),
    "underlined": Lettering(underlined=True),
    "coarse": Lettering(dots=12),
}


def printed(words: str, font: str, lettering: Lettering) -> np.ndarray:
    sheet = Image.new("L", (400, 100))
    print_words(sheet, AT_PX, words, font, SIZE_MM * PX_PER_MM, lettering)
    return np.asarray(sheet) > 100


@pytest.mark.parametrize("font", sorted(set(MACHINE_FONTS)))
@pytest.mark.parametrize("lettering", ALTERED.values(), ids=ALTERED)
def test_words_fill_their_width_and_stand_on_their_line(font, lettering):
    ink = printed("HEH", font, lettering)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    width_px = text_width_mm("HEH", font, SIZE_MM, lettering) * PX_PER_MM
    gap_px = lettering.spacing * SIZE_MM * PX_PER_MM
    assert abs(columns[0] - AT_PX[0]) < 6
    assert abs(columns[-1] - (AT_PX[0] + width_px - gap_px)) < 8
    assert abs(rows[-1] - AT_PX[1]) < (10 if lettering.underlined else 4)


def test_no_words_leave_no_ink():
    assert not printed("", MACHINE_FONTS[0], Lettering(stretch=0.8)).any()


def test_letterings_are_set_by_the_seed_and_vary():
    first, again = ([Lettering.random(np.random.default_rng(seed)) for seed in range(40)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 30  # 36


EXACT = PageMap.from_function(KIT, lambda mm: mm * KIT_PX_PER_MM - 0.5)
HEADER = header_texts("00001_hr", 54, "Female", "2003-08-30, 13:58:03", (170, 65))


def page_of_the_kit(header, print_: Print = Print.none()) -> np.ndarray:  # noqa: B008, frozen
    return draw_page(np.zeros((12, 5000)), 500, PageStyle(header=header).in_kit_letters(), KIT, print_=print_)


def test_in_kit_letters_every_text_and_digit_is_where_the_kit_has_it():
    page = page_of_the_kit(HEADER)
    letters, date = find_letters(page, EXACT, KIT), find_date(page, EXACT, KIT)
    assert len(letters.off_mm) > 75 and np.median(np.abs(letters.off_mm)) < 0.001  # 78
    assert len(date.off_mm) == 14 and np.abs(date.off_mm).max() < 0.01


def test_kit_letters_are_displaced_as_all_black_ink_is():
    wave = Print(offset_mm=(0.02, 0.0), wave_mm=(0.05, 0.01), wave_phase=(1.0, 2.0), period_mm=95.0)
    letters = find_letters(page_of_the_kit(HEADER, wave), EXACT, KIT)
    off = letters.off_mm - wave.ink_shift_mm(letters.at_mm[:, 0])[0]
    assert np.median(np.abs(off)) < 0.002


def test_what_the_kit_would_not_set_is_left_to_its_font():
    others = ["Date: yesterday", "Date: 31/01/1990, 12:00:00", "Date: 12:00:00, 1990-01-31", "ID: 7"]
    sheet, left = kit_page([*((151.3, 5.9, words) for words in others), (76.2, 10.9, "Height: 170 cm")])
    assert [words for _, _, words in left] == [*others, "170 cm"]
    assert left[-1][0] > 76.2 + 10, "beside its heading"
    assert not sheet[16:58].any() and sheet[58:100].any()


def test_a_page_without_the_kits_texts_has_none_of_them():
    bare, style = replace(KIT, names=(), texts=()), PageStyle(header=())
    pages = [draw_page(np.zeros((12, 5000)), 500, each, bare) for each in (style, style.in_kit_letters())]
    assert (pages[0] == pages[1]).all()


def test_at_another_resolution_the_font_stands_in():
    page = draw_page(np.zeros((12, 5000)), 500, PageStyle().in_kit_letters(), KIT, px_per_mm=5.0)
    plain = draw_page(np.zeros((12, 5000)), 500, PageStyle(), KIT, px_per_mm=5.0)
    assert (page == plain).all()
