"""The letters of a page's own texts: black ink whose place on the page is known to the pixel.

The kit prints lead names, speed, gain and the headings of its header with matplotlib, which puts every letter on a
pixel of 200 dpi (`page.lettering`). Letters that no record changes are sought; a date's digits are added as they are
read (`dates`).
"""

from functools import cache

import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.page.lettering import kit_texts
from ecgpipe.rectify.dates import find_date
from ecgpipe.rectify.glyphs import Letters, Sheet, locate

# "Log" is the section "The time axis of prints" of docs/log.md; what it does not name was not swept.
LEAST_LETTERS = 20  # of the sheet's 66
# Median in a text, and over the page: at most 0.013 and 0.06 on real prints; simulated ones in other fonts or sizes
# have 0.024 and more, or 0.18 (log).
MOST_SCATTER_MM, MOST_MM = 0.018, 0.1


def find_letters(picture: np.ndarray, page_map: PageMap, layout: PageLayout) -> Letters | None:
    """The letters of a page of `layout` in `picture` (H, W, 3); None where the kit has not set its texts.

    Other programs, fonts and sizes are told by letters of one text that do not agree on where it lies.
    """
    if layout.name != KIT.name:
        return None
    letters = locate(picture, page_map, layout, _sheet())
    if not _agree(letters):
        return None
    date = find_date(picture, page_map, layout)
    if date is None:
        return letters
    return Letters(
        np.concatenate([letters.at_mm, date.at_mm]),
        np.concatenate([letters.off_mm, date.off_mm]),
        np.concatenate([letters.text, date.text + letters.text.max()]),
    )


@cache
def _sheet() -> Sheet:
    """The kit's own texts."""
    return Sheet(kit_texts())


def _agree(letters: Letters) -> bool:
    """Whether there are enough letters near their places, and those of one text agree."""
    if len(letters.off_mm) < LEAST_LETTERS or abs(float(np.median(letters.off_mm))) > MOST_MM:
        return False
    same = [letters.off_mm[letters.text == text] for text in np.unique(letters.text)]
    scatter = np.concatenate([np.abs(off - np.median(off)) for off in same if len(off) > 1] or [np.ones(1)])
    return float(np.median(scatter)) < MOST_SCATTER_MM
