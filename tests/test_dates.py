"""The digits of a header's date, and where they say that black ink lies."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.page.lettering import DATE_FORM
from ecgpipe.rectify.dates import find_date, typeset
from ecgpipe.rectify.glyphs import PX_PER_MM
from ecgpipe.synth.lettering import load_font

EXACT = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
SHAPE = tuple(round(side * PX_PER_MM) for side in KIT.size_mm[::-1])
digits = st.lists(st.integers(0, 9), min_size=14, max_size=14)


def written(told: list[int]) -> str:
    left = iter(told)
    return "".join(str(next(left)) if letter == "0" else letter for letter in DATE_FORM)


def page_with(date: str, right_px: float = 0.0) -> np.ndarray:
    """A white page with nothing but `date`, printed `right_px` right of its place."""
    sheet = typeset(date)
    x, y = sheet.corner_px
    step = np.array([[1.0, 0.0, x + right_px], [0.0, 1.0, y]])
    return np.repeat(255 - cv2.warpAffine(sheet.dark, step, SHAPE[::-1])[..., None], 3, axis=-1)


@given(digits, st.floats(-1.0, 1.0))
@settings(max_examples=15, deadline=None)
def test_any_date_is_read_and_tells_how_far_right_of_its_place_it_was_printed(told, right_px):
    found = find_date(page_with(written(told), right_px), EXACT, KIT)
    assert len(found.off_mm) > 10  # the others are crossed by lines of the grid
    error_mm = np.abs(found.off_mm - right_px / PX_PER_MM)
    assert np.median(error_mm) < 0.003 and error_mm.max() < 0.02  # those beside a line of the grid are the worst


def test_dates_fill_the_gap_between_the_other_texts():
    x_mm = find_date(page_with("1988-04-03, 16:35:47"), EXACT, KIT).at_mm[:, 0]
    assert x_mm.min() < 167 and x_mm.max() > 203 and np.diff(x_mm).max() < 6


def test_a_three_moves_what_follows_by_an_eighth_of_a_pixel():
    last = [typeset(date).cells[2][-1, 0] * PX_PER_MM for date in ("1111-11-11, 11:11:11", "3333-33-33, 33:33:31")]
    assert last[1] - last[0] == pytest.approx(13 / 8, abs=0.5)  # a letter's centre is told by whole pixels


def test_a_date_of_another_font_is_not_read():
    sheet = Image.new("L", SHAPE[::-1], 255)
    ImageDraw.Draw(sheet).text((1282, 46), "1988-04-03, 16:35:47", fill=0, font=load_font("cmr10.ttf", 30), anchor="ls")
    assert find_date(np.repeat(np.asarray(sheet)[..., None], 3, axis=-1), EXACT, KIT) is None


def test_a_page_without_a_date_has_none():
    assert find_date(np.full((*SHAPE, 3), 255, np.uint8), EXACT, KIT) is None
