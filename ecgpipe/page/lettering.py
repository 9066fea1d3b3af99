"""The kit's own letters, each on the pixel of 200 dpi on which matplotlib puts it.

`lettering.png` is a page with nothing but the texts that are the same for all records, and the 19 with which most dates
begin; the same texts on a clean render are equal to it, pixel by pixel. `digits.png` has what a header's date is made
of, as it stands at the date's first place; all digits are as wide as each other but 3 and 8, which matplotlib's hinting
makes an eighth of a pixel wider. `examples/kit_lettering.py` draws both.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

TEXTS, DIGITS = (Path(__file__).with_name(name) for name in ("lettering.png", "digits.png"))
GLYPHS = "0123456789-,:"  # on the sheet of digits, side by side
DATE_FORM = "0000-00-00, 00:00:00"
DATE_CORNER_PX, DATE_WIDE_PX = (1282, 20), 470  # left top of the date on the page, and its width
ADVANCE_PX = dict.fromkeys("0123456789", 19.375) | {"3": 19.5, "8": 19.5, "-": 11.0, ",": 9.75, ":": 10.25, " ": 9.75}


@cache
def kit_texts() -> np.ndarray:
    """Darkness (1700, 2200) uint8, read-only, of the texts that no record changes, and a date's 19."""
    return np.asarray(Image.open(TEXTS))


def kit_date(date: str) -> np.ndarray:
    """Darkness (h, DATE_WIDE_PX) uint8 of a `date`, written as DATE_FORM is; its left top pixel is DATE_CORNER_PX."""
    glyphs = date_glyphs()
    dark = np.zeros((glyphs.shape[1], DATE_WIDE_PX), np.float32)
    for letter, left in zip(date, date_lefts(date), strict=True):
        if letter != " ":
            step = np.array([[1.0, 0.0, left], [0.0, 1.0, 0.0]])
            dark = np.maximum(dark, cv2.warpAffine(glyphs[GLYPHS.index(letter)], step, dark.shape[::-1]))
    return np.rint(255 * dark).astype(np.uint8)


@cache
def date_glyphs() -> np.ndarray:
    """Darkness (glyphs, h, w) float32, 0 to 1, of GLYPHS at the date's first place."""
    sheet = np.asarray(Image.open(DIGITS)).astype(np.float32) / 255
    return np.stack(np.split(sheet, len(GLYPHS), axis=1))


def date_lefts(date: str) -> list[float]:
    """How far right of the first place each glyph of `date` stands, in pixels."""
    return np.cumsum([0.0, *(ADVANCE_PX[letter] for letter in date[:-1])]).tolist()
