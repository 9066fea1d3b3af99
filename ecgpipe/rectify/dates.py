"""The digits of a header's date, read so that they tell where black ink lies: `1988-04-03, 16:35:47`.

They stand between 163 and 207 mm, where a page of the kit has no other black whose place is known. Each place follows
from the digits before it (`page.lettering`); on the kit's renders digits lie within 0.5 µm of it in the median.
"""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.page.lettering import DATE_CORNER_PX, DATE_FORM, GLYPHS, date_glyphs, date_lefts, kit_date
from ecgpipe.rectify.glyphs import Letters, Sheet, clear_of_lines, correlations, darkness, locate

# "Log" is the section "The time axis of prints" of docs/log.md; what it does not name was not swept.
DIGITS_PX = slice(2, 28)  # rows of a cell that digits have ink in, with a margin
BLUR_PX = 1.5  # Gaussian of picture and glyphs while digits are told
SHIFTS_PX = np.stack(np.meshgrid(np.arange(-2, 4), np.arange(-1, 2)), axis=-1).reshape(-1, 2)  # ink off its place
# Of 14 digits told on 3 scans and 12 photos, 0.92 and 0.12 at least, but for the two most crumpled photos (log).
LEAST_CORRELATION, LEAST_MARGIN = 0.8, 0.06  # with the best glyph; over the second best
LEAST_DIGITS = 8  # of 14: else it is no date, or none that can be read


def find_date(picture: np.ndarray, page_map: PageMap, layout: PageLayout) -> Letters | None:
    """The digits of the date that are surely told, on a page of `layout` in `picture` (H, W, 3); None if too few.

    Commas, dashes and colons are too small to be placed well.
    """
    digits, sure = _told(picture, page_map, layout)
    if sure.sum() < LEAST_DIGITS:
        return None
    told = iter(zip(digits, sure, strict=True))
    written = [next(told) if letter == "0" else (letter, False) for letter in DATE_FORM]
    sheet = typeset("".join(letter for letter, _ in written))
    which = np.array([counts for letter, counts in written if letter != " "])
    return locate(picture, page_map, layout, sheet, which) if len(sheet.boxes) == len(which) else None


def typeset(date: str) -> Sheet:
    """The `date`, written as DATE_FORM is, as the kit sets it."""
    return Sheet(kit_date(date), DATE_CORNER_PX)


def _told(picture: np.ndarray, page_map: PageMap, layout: PageLayout) -> tuple[list[str], np.ndarray]:
    """The date's digits, and which are sure (n,) bool: one glyph fits clearly best, at any place the ink may have."""
    glyphs = np.stack([cv2.GaussianBlur(glyph, (0, 0), BLUR_PX) for glyph in date_glyphs()[:10]])[:, DIGITS_PX]
    places = zip(date_lefts(DATE_FORM), DATE_FORM, strict=True)
    lefts = np.array([round(left) for left, letter in places if letter == "0"])
    high, wide = glyphs.shape[1:]
    x, y = (np.arange(-reach, side + reach) for side, reach in zip((wide, high), SHIFTS_PX.max(axis=0), strict=True))
    around = np.stack(np.meshgrid(x, y + DIGITS_PX.start)) + np.array(DATE_CORNER_PX)[:, None, None]
    cells = (around + np.stack([lefts, 0 * lefts], axis=1)[..., None, None]).astype(np.float32)
    seen = darkness(picture, page_map, cells)
    weight = (clear_of_lines(layout, cells) & ~np.isnan(seen)).astype(np.float32)
    dark = np.stack([cv2.GaussianBlur(one, (0, 0), BLUR_PX) for one in np.nan_to_num(seen)])
    fits = np.full((len(lefts), 10), -1.0)
    for right, down in SHIFTS_PX + SHIFTS_PX.max(axis=0):
        here = np.s_[:, None, down : down + high, right : right + wide]
        shown, counts = (np.repeat(each[here], 10, axis=1).reshape(-1, high * wide) for each in (dark, weight))
        fit = correlations(shown, np.tile(glyphs.reshape(10, -1), (len(lefts), 1)), counts)
        fits = np.maximum(fits, fit.reshape(fits.shape))
    second, best = np.sort(fits, axis=1)[:, -2:].T
    sure = (best > LEAST_CORRELATION) & (best - second > LEAST_MARGIN)
    return [GLYPHS[digit] for digit in fits.argmax(axis=1)], sure
