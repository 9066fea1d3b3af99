"""Words fill the width that is said of them, in every font and however its letters are altered."""

import numpy as np
import pytest
from PIL import Image

from ecgpipe.synth.lettering import MACHINE_FONTS, PLAIN, Lettering, print_words, text_width_mm

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
