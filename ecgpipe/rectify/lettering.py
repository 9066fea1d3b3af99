"""Where the letters of a page's own texts lie: black ink whose place on the page is known to the pixel.

The kit prints lead names, speed, gain and the headings of its header with matplotlib, which puts every letter on a
pixel of 200 dpi. `lettering.png` is that sheet, drawn by matplotlib 3.7.5 (11 points, 200 dpi) at the places that KIT
has and, for the headings, at those of the kit's renders; the same texts on a clean render are equal to it, pixel by
pixel. Only letters that no record changes are in it. Each is localised by Lucas and Kanade's method (1981), with the
sheet as template; so a trace through a letter, or a line of a grid, costs little.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, MM_PER_INCH, PageLayout

# "Log" is the section "The time axis of prints" of docs/log.md; what it does not name was not swept.
SHEET = Path(__file__).with_name("lettering.png")
PX_PER_MM = 200.0 / MM_PER_INCH  # of the sheet
INK = 40  # grey level of the sheet from which a pixel belongs to a letter
WORD_GAP_PX = 16  # 2 mm: letters further apart are of two texts
MARGIN_PX, REACH_PX = 4, 3  # seen about a letter; how far off its place, 0.4 mm, it is found
BLURS_PX = (2.0, 2.0, 1.0, 1.0, 1.0, 1.0)  # Gaussian of picture and template, one a round: first wide, then narrow
STEP_PX = 0.7  # at most in one round
GRID_MM = 0.25  # on either side of a 5 mm line nothing counts: black scans have them as dark as letters
OUTLIER = 0.12  # darkness that the template leaves unexplained which halves the weight of a pixel
PAPER_QUANTILE = 0.85  # of the light about a letter
LEAST_CORRELATION = 0.9  # 0.91 to 0.99 on real prints (log)
LEAST_LETTERS = 20  # of the sheet's 66
# Median in a text, and over the page: at most 0.013 and 0.06 on real prints; simulated ones, in other fonts or sizes,
# have 0.024 and more, or 0.18 (log).
MOST_SCATTER_MM, MOST_MM = 0.018, 0.1


@dataclass(frozen=True)
class Letters:
    """Letters found: centres `at_mm` (n, 2) on the page, how far right of it each lies, `off_mm` (n,), and its text."""

    at_mm: np.ndarray
    off_mm: np.ndarray
    text: np.ndarray


def find_letters(picture: np.ndarray, page_map: PageMap, layout: PageLayout) -> Letters | None:
    """The letters of a page of `layout` in `picture` (H, W, 3); None where the kit has not set its texts.

    Other programs, fonts and sizes are told by letters of one text that do not agree on where it lies.
    """
    if layout.name != KIT.name:
        return None
    cells, own, texts, centres_mm = _letters()
    seen = _seen(picture, page_map, cells)
    off_px, correlation = _localised(seen, own & _clear(layout, cells), cells)
    good = (correlation > LEAST_CORRELATION) & (np.abs(off_px) < REACH_PX)
    letters = Letters(centres_mm[good], off_px[good] / PX_PER_MM, texts[good])
    return letters if _agree(letters) else None


def _agree(letters: Letters) -> bool:
    """Whether there are enough letters near their places, and those of one text agree."""
    if len(letters.off_mm) < LEAST_LETTERS or abs(float(np.median(letters.off_mm))) > MOST_MM:
        return False
    same = [letters.off_mm[letters.text == text] for text in np.unique(letters.text)]
    scatter = np.concatenate([np.abs(off - np.median(off)) for off in same if len(off) > 1] or [np.ones(1)])
    return float(np.median(scatter)) < MOST_SCATTER_MM


@cache
def _letters() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sheet x and y of the pixels about each letter (n, 2, h, w), which of them are near it (n, h, w), the letters'
    texts (n,), and their centres (n, 2) in mm."""
    ink = _sheet() > INK
    _, words = cv2.connectedComponents(cv2.dilate(ink.astype(np.uint8), np.ones((WORD_GAP_PX // 4, WORD_GAP_PX))))
    boxes, texts = [], []
    for text in range(1, words.max() + 1):
        rows, columns = np.nonzero(ink & (words == text))
        known = np.unique(columns)
        for letter in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            own = rows[(columns >= letter[0]) & (columns <= letter[-1])]
            boxes.append((letter[0], letter[-1], own.min(), own.max()))
            texts.append(text)
    left, right, top, bottom = np.array(boxes, np.float32).T
    centres = np.stack([left + right, top + bottom], axis=1) / 2
    wide, high = (int(side.max()) // 2 + 1 + MARGIN_PX for side in (right - left, bottom - top))
    around = np.stack(np.meshgrid(np.arange(-wide, wide + 1), np.arange(-high, high + 1)))
    cells = np.rint(centres)[..., None, None] + around
    near = [
        (cells[:, axis] >= first[:, None, None] - MARGIN_PX) & (cells[:, axis] <= last[:, None, None] + MARGIN_PX)
        for axis, (first, last) in enumerate(((left, right), (top, bottom)))
    ]
    return cells, near[0] & near[1], np.array(texts), (centres + 0.5) / PX_PER_MM


@cache
def _sheet() -> np.ndarray:
    """Darkness (H, W) uint8 of the kit's own texts."""
    return np.asarray(Image.open(SHEET))


@cache
def _template(blur_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sheet, blurred, and its derivatives along x and y, each (H, W) float32."""
    blurred = cv2.GaussianBlur(_sheet().astype(np.float32) / 255, (0, 0), blur_px)
    return blurred, cv2.Sobel(blurred, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(blurred, cv2.CV_32F, 0, 1, scale=1 / 8)


def _seen(picture: np.ndarray, page_map: PageMap, cells: np.ndarray) -> np.ndarray:
    """Darkness (n, h, w) about each letter, NaN beyond the picture; of the lightest channel, where colours are pale."""
    at = page_map.to_picture((np.moveaxis(cells, 1, -1) + 0.5) / PX_PER_MM).astype(np.float32)
    flat = at.reshape(len(at), -1, 2)
    patches = cv2.remap(picture, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = patches.max(axis=-1).astype(np.float32)
    dark = 1 - light / np.maximum(np.quantile(light, PAPER_QUANTILE, axis=1, keepdims=True), 1)
    height, width = picture.shape[:2]
    inside = ((flat >= 0) & (flat <= (width - 1, height - 1))).all(axis=-1)
    return np.where(inside, dark, np.nan).reshape(at.shape[:-1])


def _clear(layout: PageLayout, cells: np.ndarray) -> np.ndarray:
    """Which pixels (n, h, w) no 5 mm line touches."""
    sides = (cells[:, 0, :1, :], cells[:, 1, :, :1])
    clear = [
        np.abs((side[..., None] + 0.5) / PX_PER_MM - lines).min(axis=-1) > GRID_MM
        for side, lines in zip(sides, layout.lines_mm(), strict=True)
    ]
    return clear[0] & clear[1]


def _localised(seen: np.ndarray, counts: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far right of its place each letter lies (n,), in sheet pixels, and its correlation with the template.

    `counts` (n, h, w) says which pixels of `seen` are compared.
    """
    count = len(seen)
    weight = (counts & ~np.isnan(seen)).astype(np.float32).reshape(count, -1)
    known = np.nan_to_num(seen)
    x, y = (cells[:, axis].reshape(count, -1) for axis in (0, 1))
    off, robust = np.zeros((count, 2), np.float32), weight
    for blur in BLURS_PX:
        at = ((x - off[:, :1]).astype(np.float32), (y - off[:, 1:]).astype(np.float32))
        shown = [cv2.remap(each, *at, cv2.INTER_LINEAR) for each in _template(blur)]
        dark = np.stack([cv2.GaussianBlur(one, (0, 0), blur) for one in known]).reshape(count, -1)
        basis = np.stack([np.ones_like(dark), *shown], axis=1)  # paper, letter, and the letter's two derivatives
        weighted = basis * robust[:, None]
        normal = weighted @ basis.transpose(0, 2, 1) + 1e-6 * np.eye(4, dtype=np.float32)
        fitted = np.linalg.solve(normal, weighted @ dark[..., None])[..., 0]
        strength = np.maximum(fitted[:, 1:2], 0.1)
        off -= np.clip(fitted[:, 2:] / strength, -STEP_PX, STEP_PX)
        left = dark - (fitted[:, None] @ basis)[:, 0]
        robust = weight / (1 + (left / OUTLIER) ** 2)
    return off[:, 0], _correlation(dark, shown[0], robust)


def _correlation(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Of the rows (n,) of two arrays (n, pixels), with weights."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    a, b = (each - (weight * each).sum(axis=1, keepdims=True) / total for each in (first, second))
    power = (weight * a * a).sum(axis=1) * (weight * b * b).sum(axis=1)
    return (weight * a * b).sum(axis=1) / np.sqrt(np.maximum(power, 1e-12))
