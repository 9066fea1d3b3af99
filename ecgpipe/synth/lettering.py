"""Letters as machines print them: fonts of matplotlib and Pillow, stretched, fattened, spaced or made of dots; and the
kit's own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgpipe.page.layout import MM_PER_INCH
from ecgpipe.page.lettering import DATE_CORNER_PX, DATE_FORM, kit_date, kit_texts

AILERON = "Aileron"  # Pillow's own font, like Helvetica
FONTS = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf")
MACHINE_FONTS = (
    AILERON, AILERON, AILERON, *FONTS, "DejaVuSans-Bold.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif-Bold.ttf",
    "DejaVuSans-Oblique.ttf", "STIXGeneral.ttf", "STIXGeneral.ttf", "STIXGeneralBol.ttf", "STIXGeneralItalic.ttf",
    "cmr10.ttf", "cmss10.ttf", "cmtt10.ttf", "cmb10.ttf",
)  # fmt: skip
UNDERLINE_AT, UNDERLINE_WIDTH = 0.14, 0.07  # of the letters' size: how far below their foot, and how thick
BLACK = 110  # of 255: a dot of a coarse print is black if it is covered more

KIT_PT = 11  # size of the kit's letters, in FONTS[0]
# Rows and columns of 200 dpi in which the kit sets the headings of its header; the sheet's 19 after "Date:" is not one.
KIT_HEADINGS = {
    "Name:": np.s_[16:58, 596:720],
    "Height:": np.s_[58:100, 596:720],
    "Date:": np.s_[16:58, 1187 : DATE_CORNER_PX[0]],
    "Weight:": np.s_[58:100, 1187:1320],
}
Line = tuple[float, float, str]  # left end and foot in mm, and what stands there


@dataclass(frozen=True)
class Lettering:
    """What is done to a font: letters `stretch` times as wide; strokes fatter by `weight` and letters parted by
    `spacing`, both in shares of the letters' size; all of it printed in square dots, `dots` of them to the size."""

    stretch: float = 1.0
    weight: float = 0.0
    spacing: float = 0.0
    underlined: bool = False
    dots: int | None = None

    @staticmethod
    def random(rng: np.random.Generator) -> "Lettering":
        """Mostly a plain or a condensed font; some are bold, wide, spaced, underlined or coarse."""
        return Lettering(
            stretch=rng.uniform(0.65, 1.25) if rng.random() < 0.55 else 1.0,
            weight=rng.uniform(0.01, 0.06) if rng.random() < 0.25 else 0.0,
            spacing=rng.uniform(0.03, 0.25) if rng.random() < 0.15 else 0.0,
            underlined=bool(rng.random() < 0.05),
            dots=int(rng.integers(9, 20)) if rng.random() < 0.12 else None,
        )


PLAIN = Lettering()


@lru_cache(maxsize=64)
def load_font(name: str, size_px: float) -> ImageFont.FreeTypeFont:
    """A font of matplotlib's by its file name, or Pillow's own."""
    if name == AILERON:
        return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size_px))
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size_px)


def text_width_mm(words: str, font: str, size_mm: float, lettering: Lettering = PLAIN, px_per_mm: float = 8.0) -> float:
    """How wide `words` are printed in a font of `size_mm`."""
    length_mm = load_font(font, size_mm * px_per_mm).getlength(words) / px_per_mm
    return lettering.stretch * (length_mm + len(words) * lettering.spacing * size_mm)


def print_words(
    sheet: Image.Image,
    at_px: tuple[float, float],
    words: str,
    font: str,
    size_px: float,
    lettering: Lettering = PLAIN,
) -> None:
    """Print `words` in white on a `sheet` of one channel, the left end of the line they stand on at `at_px`."""
    if lettering == PLAIN:
        ImageDraw.Draw(sheet).text(at_px, words, fill=255, font=load_font(font, size_px), anchor="ls")
    elif words:
        mask, left, base = _mask(words, font, size_px, lettering)
        sheet.paste(255, (round(at_px[0]) - left, round(at_px[1]) - base), Image.fromarray(mask))


def _mask(words: str, font: str, size_px: float, lettering: Lettering) -> tuple[np.ndarray, int, int]:
    """Coverage (h, w) uint8 of altered `words`, and the column and row in it of the left end of their line."""
    drawn_px = float(lettering.dots or size_px)
    face, gap = load_font(font, drawn_px), lettering.spacing * drawn_px
    x, base, pen_px = round(0.5 * drawn_px), round(1.2 * drawn_px), lettering.weight * drawn_px / 2
    length = face.getlength(words) + gap * len(words)
    sheet = Image.new("L", (x + round(length + 0.5 * drawn_px), round(1.7 * drawn_px)))
    pen = ImageDraw.Draw(sheet)
    at = float(x)
    for letters in words if gap else (words,):
        pen.text((at, base), letters, fill=255, font=face, anchor="ls", stroke_width=pen_px)
        at += face.getlength(letters) + gap
    if lettering.underlined:
        y = base + UNDERLINE_AT * drawn_px
        pen.line((x, y, x + length, y), fill=255, width=max(1, round(UNDERLINE_WIDTH * drawn_px)))
    mask, enlarged = np.asarray(sheet), size_px / drawn_px
    method = cv2.INTER_LINEAR if lettering.stretch > 1 else cv2.INTER_AREA
    if lettering.dots:
        mask, method = 255 * (mask > BLACK).astype(np.uint8), cv2.INTER_NEAREST
    width, height = (max(round(side * enlarged), 1) for side in mask.shape[::-1])
    width = max(round(width * lettering.stretch), 1)
    mask = cv2.resize(mask, (width, height), interpolation=method)
    return mask, round(x * enlarged * lettering.stretch), round(base * enlarged)


def kit_page(header: Iterable[Line]) -> tuple[np.ndarray, tuple[Line, ...]]:
    """Darkness (1700, 2200) uint8 of the texts of the kit's page as the kit sets them for a record with this `header`,
    and what of it is left to print in the kit's font: numbers and words that differ from record to record."""
    sheet, left = kit_texts().copy(), list[Line]()
    sheet[: KIT_HEADINGS["Weight:"][0].stop] = 0
    for x_mm, y_mm, words in header:
        heading, colon, rest = words.partition(":")
        place = KIT_HEADINGS.get(heading + colon)
        if place is None or (heading == "Date" and re.sub(r"\d", "0", rest.strip()) != DATE_FORM):
            left.append((x_mm, y_mm, words))
            continue
        sheet[place] = kit_texts()[place]
        if heading == "Date":
            date, (x, y) = kit_date(rest.strip()), DATE_CORNER_PX
            sheet[y : y + date.shape[0], x : x + date.shape[1]] = date
        elif rest.strip():
            printed_mm = text_width_mm(f"{heading}: ", FONTS[0], KIT_PT * MM_PER_INCH / 72)
            left.append((x_mm + printed_mm, y_mm, rest.strip()))
    return sheet, tuple(left)
