"""The printed page of any `PageLayout`, drawn where the layout says to within half a pixel.

Page millimetre x lies at pixel index `x * px_per_mm - 0.5`, pixel centres being the integers: the page's edge is the
picture's. Grid lines and separators of a page whose program rounds them snap to whole pixels, as matplotlib does for
the kit; traces and pulses are anti-aliased at their exact place.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import KIT, LEADS, PageLayout, Window
from ecgpipe.page.lettering import kit_texts
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.grids import bleeds, draw_grid
from ecgpipe.synth.ink import bars, blend, stroke
from ecgpipe.synth.lettering import kit_page, print_words
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

Box = tuple[float, float, float, float]  # centre x and y, width and height in mm

EXACT = Print.none()
QR_LEFT_MM, QR_TOP_MM, QR_SIZE_MM, QR_QUIET_MM = 250.0, 3.0, 25.0, 2.0


def draw_page(
    series: np.ndarray,
    fs_hz: float,
    style: PageStyle,
    layout: PageLayout,
    *,
    print_: Print = EXACT,
    px_per_mm: float = PX_PER_MM,
) -> np.ndarray:
    """The page (H, W, 3) uint8 RGB of `series` (12, n) in mV at `fs_hz`, leads in the order of `LEADS`.

    It shows the first `layout.duration_s` of the series. Raises DataError where the series has not 12 leads or is not
    finite inside a printed window.
    """
    page = _background(style, layout, print_, px_per_mm).copy()
    lines = [_trace_px(series, fs_hz, window, layout, print_, px_per_mm) for window in layout.windows]
    blend(page, stroke(lines, print_.stroke_mm(style.trace_width_mm) * px_per_mm, page.shape[:2]), style.trace)
    return page


def _trace_px(
    series: np.ndarray, fs_hz: float, window: Window, layout: PageLayout, print_: Print, px_per_mm: float
) -> np.ndarray:
    """The polyline (2, samples) of one window: x and y in pixels."""
    if len(series) != len(LEADS):
        raise DataError(f"series of {len(series)} leads, expected {len(LEADS)}: pass (12, samples) in mV")
    start, stop = int(window.start_s * fs_hz), int(window.stop_s * fs_hz)
    values = np.asarray(series[LEADS.index(window.lead)][start:stop], np.float64)
    if len(values) < 2 or not np.isfinite(values).all():
        raise DataError(
            f"lead {window.lead} is not finite or too short from {window.start_s} s to {window.stop_s} s: "
            f"pass {layout.duration_s:g} s of numbers at {fs_hz:g} Hz"
        )
    x_mm, y_mm = layout.x_mm(window, (start + np.arange(len(values))) / fs_hz), layout.y_mm(window, values)
    return print_.inked_mm(np.stack([x_mm, y_mm])) * px_per_mm - 0.5


@lru_cache(maxsize=2)
def _background(style: PageStyle, layout: PageLayout, print_: Print, px_per_mm: float) -> np.ndarray:
    """Everything but the traces: grid, border, pulses, separators, texts and code."""
    width, height = (round(side * px_per_mm) for side in layout.size_mm)
    page = draw_grid(style, layout, print_, (height, width), px_per_mm)
    if print_.halftone_mm is not None:
        print_.dither(page, style.paper, px_per_mm)
    marks = _marks(style, layout, print_, (height, width), px_per_mm)
    blend(page, _displaced(marks, print_, px_per_mm), style.marks or style.trace)
    if style.qr_seed is not None:
        _print_code(page, style.qr_seed, px_per_mm)
    texts = _texts(style, layout, (height, width), px_per_mm)
    blend(page, _displaced(_spread(texts, print_, px_per_mm), print_, px_per_mm), style.text)
    for cover in style.covers:
        left, top, right, bottom = (max(round(mm * px_per_mm), 0) for mm in cover[:4])
        page[top:bottom, left:right] = cover[4]
    return page


def _displaced(coverage: np.ndarray, print_: Print, px_per_mm: float) -> np.ndarray:
    """`coverage` (H, W) as the black pass of the printer puts it down."""
    if not print_.moves_ink:
        return coverage
    height, width = coverage.shape
    x_px = np.arange(width, dtype=np.float32)
    dx, dy = (np.float32(mm * px_per_mm) for mm in print_.ink_shift_mm((x_px + 0.5) / px_per_mm))
    map_x = np.broadcast_to(x_px - dx, coverage.shape).copy()
    map_y = np.arange(height, dtype=np.float32)[:, None] - dy
    return cv2.remap(coverage, map_x, map_y, cv2.INTER_LINEAR)


def _spread(coverage: np.ndarray, print_: Print, px_per_mm: float) -> np.ndarray:
    """`coverage` (H, W) of texts, fatter by the spread of the ink."""
    if not print_.spread_mm:
        return coverage
    sigma_px = print_.spread_mm * px_per_mm
    return np.minimum(cv2.GaussianBlur(coverage, (0, 0), sigma_px) * (1 + sigma_px), 1)


def _marks(style: PageStyle, layout: PageLayout, print_: Print, shape: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """Coverage of calibration pulses, separators, ruled lines and the grid's outline."""
    coverage = np.zeros(shape, np.float32)
    pen_mm = print_.stroke_mm(style.trace_width_mm * style.pulse_to_trace_width)
    boxes = chain(_pulses(layout, pen_mm), _outline(style, layout), _separators(layout, px_per_mm), style.rules)
    for x_mm, y_mm, width_mm, height_mm in boxes:
        columns = bars(shape[1], [x_mm * px_per_mm - 0.5], width_mm * px_per_mm)
        rows = bars(shape[0], [y_mm * px_per_mm - 0.5], height_mm * px_per_mm)
        box = np.ix_(np.flatnonzero(rows), np.flatnonzero(columns))
        coverage[box] = np.maximum(coverage[box], np.outer(rows[rows > 0], columns[columns > 0]))
    return coverage


def _pulses(layout: PageLayout, pen_mm: float) -> Iterator[Box]:
    """The strokes of the calibration pulses: two flanks, the top, and the feet if there are any."""
    for pulse in layout.pulses:
        left, right, zero = pulse.left_mm, pulse.right_mm, layout.baselines_mm[pulse.row]
        high = layout.gain_mm_per_mv * pulse.gain_ratio
        for x in (left, right):
            yield x, zero - high / 2, pen_mm, high + pen_mm
        yield (left + right) / 2, zero - high, right - left + pen_mm, pen_mm
        for x in (left - pulse.foot_mm / 2, right + pulse.foot_mm / 2) if pulse.foot_mm else ():
            yield x, zero, pulse.foot_mm + pen_mm, pen_mm


def _outline(style: PageStyle, layout: PageLayout) -> Iterator[Box]:
    """The lines around a grid that ends on the sheet, if the style has them."""
    if not style.show_outline or bleeds(layout, 0) or bleeds(layout, 1):
        return
    columns_mm, rows_mm = layout.lines_mm()
    (left, right), (top, bottom), line_mm = columns_mm[[0, -1]], rows_mm[[0, -1]], style.border_width_mm
    for y in (top, bottom):
        yield left + (right - left) / 2, y, right - left + line_mm, line_mm
    for x in (left, right):
        yield x, top + (bottom - top) / 2, line_mm, bottom - top + line_mm


def _separators(layout: PageLayout, px_per_mm: float) -> Iterator[Box]:
    """The separators; a page whose program rounds its lines has them on whole pixels."""
    for separator in layout.separators:
        x = separator.x_mm if layout.snap_dpi is None else np.rint(separator.x_mm * px_per_mm) / px_per_mm
        y = layout.baselines_mm[separator.row] + separator.offset_mm
        yield x, y, separator.width_mm, separator.height_mm


def _texts(style: PageStyle, layout: PageLayout, shape: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """Coverage of header, footer, lead names and logo."""
    sheet, header, names, footer = Image.new("L", shape[::-1]), style.header, layout.names, layout.texts
    kit_words = (layout.names, layout.texts) == (KIT.names, KIT.texts)
    if style.kit_letters and kit_words and shape == kit_texts().shape:
        set_by_kit, header = kit_page(style.header)
        sheet, names, footer = Image.fromarray(set_by_kit), (), ()
    letters = style.font, style.font_size_mm * px_per_mm, style.lettering
    name_size_mm = style.name_size_mm or style.font_size_mm
    name_letters = style.name_font or style.font, name_size_mm * px_per_mm, style.name_lettering
    texts = [((text.left_mm, text.base_mm, text.words), name_letters) for text in names]
    texts += [((text.left_mm, text.base_mm, text.words), letters) for text in footer]
    texts += [(line, letters) for line in header]
    for (x_mm, y_mm, words), face in texts:
        print_words(sheet, (x_mm * px_per_mm, y_mm * px_per_mm), words, *face)
    if style.logo is not None:
        style.logo.draw(ImageDraw.Draw(sheet), px_per_mm)
    return np.asarray(sheet, np.float32) / 255


def _print_code(page: np.ndarray, seed: int, px_per_mm: float, modules: int = 29) -> None:
    """A white patch with the look of a QR code, top right."""
    dark = np.random.default_rng(seed).random((modules, modules)) < 0.5
    ring = np.maximum(*np.abs(np.mgrid[-4:4, -4:4]))
    finder = np.isin(ring, (0, 1, 3))  # 7 x 7 and its light margin on the inner sides
    dark[:8, :8] = finder[::-1, ::-1]
    dark[:8, -8:] = finder[::-1]
    dark[-8:, :8] = finder[:, ::-1]
    size, quiet = round(QR_SIZE_MM * px_per_mm), round(QR_QUIET_MM * px_per_mm)
    code = np.full((size, size), 255, np.uint8)
    cells = np.arange(size - 2 * quiet) * modules // (size - 2 * quiet)
    code[quiet : size - quiet, quiet : size - quiet] -= 255 * dark[np.ix_(cells, cells)].astype(np.uint8)
    x, y = round(QR_LEFT_MM * px_per_mm), round(QR_TOP_MM * px_per_mm)
    page[y : y + size, x : x + size] = code[..., None]
