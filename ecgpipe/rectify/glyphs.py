"""Where single letters of known words lie in a picture of a page, by Lucas and Kanade's method (1981).

Robust weights are added to it: a trace through a letter, or a line of a grid, costs little.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import MM_PER_INCH, PageLayout

# "Log" is the section "The time axis of prints" of docs/log.md; what it does not name was not swept.
PX_PER_MM = 200.0 / MM_PER_INCH  # of a sheet
INK = 40  # grey level of a sheet from which a pixel belongs to a letter
WORD_GAP_PX = 16  # 2 mm: letters further apart are of two texts
MARGIN_PX, REACH_PX = 4, 3  # seen about a letter; how far off its place, 0.4 mm, it is found
BLURS_PX = (2.0, 2.0, 1.0, 1.0, 1.0, 1.0)  # Gaussian of picture and template, one a round: first wide, then narrow
STEP_PX = 0.7  # at most in one round
GRID_MM = 0.25  # on either side of a 5 mm line nothing counts: black scans have them as dark as letters
OUTLIER = 0.12  # darkness that the template leaves unexplained which halves the weight of a pixel
PAPER_QUANTILE = 0.85  # of the light about a letter
LEAST_CORRELATION = 0.9  # 0.91 to 0.99 on real prints (log)


@dataclass(frozen=True)
class Letters:
    """Letters found: centres `at_mm` (n, 2) on the page, how far right of it each lies, `off_mm` (n,), and its text."""

    at_mm: np.ndarray
    off_mm: np.ndarray
    text: np.ndarray


@dataclass(frozen=True, eq=False)
class Sheet:
    """Words alone, as they stand on a page at 200 dpi: darkness `dark` (H, W) uint8, its left top pixel `corner_px`."""

    dark: np.ndarray
    corner_px: tuple[int, int] = (0, 0)

    @cached_property
    def boxes(self) -> np.ndarray:
        """First and last column, first and last row of each letter, and its text (n, 5), in pixels of the sheet."""
        ink = self.dark > INK
        _, words = cv2.connectedComponents(cv2.dilate(ink.astype(np.uint8), np.ones((WORD_GAP_PX // 4, WORD_GAP_PX))))
        all_rows, all_columns = np.nonzero(ink)
        of_text = words[all_rows, all_columns]
        boxes = []
        for text in range(1, words.max() + 1):
            rows, columns = (each[of_text == text] for each in (all_rows, all_columns))
            known = np.unique(columns)
            for letter in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
                own = rows[(columns >= letter[0]) & (columns <= letter[-1])]
                boxes.append((letter[0], letter[-1], own.min(), own.max(), text))
        return np.array(boxes).reshape(-1, 5)

    @cached_property
    def cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Page x and y of the pixels about each letter (n, 2, h, w), in pixels of 200 dpi; which of them are near it
        (n, h, w); and the letters' centres (n, 2) in mm."""
        left, right, top, bottom = self.boxes[:, :4].T.astype(np.float32)
        centres = np.stack([left + right, top + bottom], axis=1) / 2
        wide, high = (int(side.max()) // 2 + 1 + MARGIN_PX for side in (right - left, bottom - top))
        around = np.stack(np.meshgrid(np.arange(-wide, wide + 1), np.arange(-high, high + 1)))
        cells = np.rint(centres)[..., None, None] + around
        near = [
            (cells[:, axis] >= first[:, None, None] - MARGIN_PX) & (cells[:, axis] <= last[:, None, None] + MARGIN_PX)
            for axis, (first, last) in enumerate(((left, right), (top, bottom)))
        ]
        corner = np.array(self.corner_px, np.float32)
        return cells + corner[:, None, None], near[0] & near[1], (centres + corner + 0.5) / PX_PER_MM

    @cached_property
    def templates(self) -> dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """By the width of the Gaussian in pixels: the sheet, blurred, and its derivatives along x and y, each (H, W)
        float32."""
        templates = {}
        for blur_px in set(BLURS_PX):
            blurred = cv2.GaussianBlur(self.dark.astype(np.float32) / 255, (0, 0), blur_px)
            along, down = (cv2.Sobel(blurred, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
            templates[blur_px] = blurred, along, down
        return templates


def locate(
    picture: np.ndarray, page_map: PageMap, layout: PageLayout, sheet: Sheet, which: np.ndarray | slice = slice(None)
) -> Letters:
    """The letters of `sheet` that are seen near their places on a page of `layout` in `picture` (H, W, 3).

    Only those that `which` (n,) picks are looked for.
    """
    cells, near, centres_mm = (each[which] for each in sheet.cells)
    seen = darkness(picture, page_map, cells)
    off_px, correlation = _localised(seen, near & clear_of_lines(layout, cells), cells, sheet)
    good = (correlation > LEAST_CORRELATION) & (np.abs(off_px) < REACH_PX)
    return Letters(centres_mm[good], off_px[good] / PX_PER_MM, sheet.boxes[which][good, 4])


def darkness(picture: np.ndarray, page_map: PageMap, cells: np.ndarray) -> np.ndarray:
    """Darkness (n, h, w) at `cells` (n, 2, h, w), NaN beyond the picture; of the lightest channel, where colours are
    pale."""
    at = page_map.to_picture((np.moveaxis(cells, 1, -1) + 0.5) / PX_PER_MM).astype(np.float32)
    flat = at.reshape(len(at), -1, 2)
    patches = cv2.remap(picture, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = patches.max(axis=-1).astype(np.float32)
    dark = 1 - light / np.maximum(np.quantile(light, PAPER_QUANTILE, axis=1, keepdims=True), 1)
    height, width = picture.shape[:2]
    inside = ((flat >= 0) & (flat <= (width - 1, height - 1))).all(axis=-1)
    return np.where(inside, dark, np.nan).reshape(at.shape[:-1])


def clear_of_lines(layout: PageLayout, cells: np.ndarray) -> np.ndarray:
    """Which of `cells` (n, 2, h, w) no 5 mm line touches, (n, h, w)."""
    sides = (cells[:, 0, :1, :], cells[:, 1, :, :1])
    clear = [
        np.abs((side[..., None] + 0.5) / PX_PER_MM - lines).min(axis=-1) > GRID_MM
        for side, lines in zip(sides, layout.lines_mm(), strict=True)
    ]
    return clear[0] & clear[1]


def _localised(seen: np.ndarray, counts: np.ndarray, cells: np.ndarray, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """How far right of its place each letter lies (n,), in sheet pixels, and its correlation with the template.

    `counts` (n, h, w) says which pixels of `seen`, at `cells`, are compared.
    """
    count = len(seen)
    weight = (counts & ~np.isnan(seen)).astype(np.float32).reshape(count, -1)
    known = np.nan_to_num(seen)
    x, y = (cells[:, axis].reshape(count, -1) - sheet.corner_px[axis] for axis in (0, 1))
    off, robust = np.zeros((count, 2), np.float32), weight
    for blur in BLURS_PX:
        at = ((x - off[:, :1]).astype(np.float32), (y - off[:, 1:]).astype(np.float32))
        shown = [cv2.remap(each, *at, cv2.INTER_LINEAR) for each in sheet.templates[blur]]
        dark = np.stack([cv2.GaussianBlur(one, (0, 0), blur) for one in known]).reshape(count, -1)
        basis = np.stack([np.ones_like(dark), *shown], axis=1)  # paper, letter, and the letter's two derivatives
        weighted = basis * robust[:, None]
        normal = weighted @ basis.transpose(0, 2, 1) + 1e-6 * np.eye(4, dtype=np.float32)
        fitted = np.linalg.solve(normal, weighted @ dark[..., None])[..., 0]
        strength = np.maximum(fitted[:, 1:2], 0.1)
        off -= np.clip(fitted[:, 2:] / strength, -STEP_PX, STEP_PX)
        left = dark - (fitted[:, None] @ basis)[:, 0]
        robust = weight / (1 + (left / OUTLIER) ** 2)
    return off[:, 0], correlations(dark, shown[0], robust)


def correlations(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Of the rows (n,) of two arrays (n, pixels), with weights."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    a, b = (each - (weight * each).sum(axis=1, keepdims=True) / total for each in (first, second))
    power = (weight * a * a).sum(axis=1) * (weight * b * b).sum(axis=1)
    return (weight * a * b).sum(axis=1) / np.sqrt(np.maximum(power, 1e-12))
