"""The printed page: ECG-image-kit's letter-landscape layout, drawn to within half a pixel of its `PageLayout`.

Page millimetre x lies at pixel index `x * px_per_mm - 0.5`, pixel centres being the integers: the page's edge is the
picture's. Grid lines and separators snap to whole pixels, as matplotlib does for the kit; traces and pulses are
anti-aliased at their exact place.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import grey_dilation

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import BOX_MM, LEADS, MM_PER_INCH, PageLayout, Window
from ecgpipe.synth import PX_PER_MM

Colour = tuple[int, int, int]
Text = tuple[float, float, str]  # left edge and baseline in mm, and the words

MM_PER_POINT = MM_PER_INCH / 72
PULSE_TO_TRACE_WIDTH = 1.5
QR_LEFT_MM, QR_TOP_MM, QR_SIZE_MM, QR_QUIET_MM = 250.0, 3.0, 25.0, 2.0
SUBCOLUMNS = 8  # a trace's top and bottom are exact in y and sampled this often per pixel in x

GRID_COLOURS: tuple[Colour, ...] = (
    (255, 0, 0), (222, 60, 70), (240, 130, 145), (150, 85, 50), (60, 100, 190), (50, 140, 80), (110, 110, 110),
)  # fmt: skip
FONTS = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf")


def header_texts(record: str, age: int, sex: str, date: str, body: tuple[int, int] | None = None) -> tuple[Text, ...]:
    """The kit's header: three lines at the top left; `body` is height in cm and weight in kg."""
    texts = (
        (1.27, 5.9, f"ID: {record}"),
        (1.27, 10.9, f"Age: {age} yrs"),
        (1.27, 15.9, f"Sex: {sex}"),
        (76.2, 5.9, "Name:"),
        (151.3, 5.9, f"Date: {date}"),
    )
    if body is None:
        return texts
    return (*texts, (76.2, 10.9, f"Height: {body[0]} cm"), (151.3, 10.9, f"Weight: {body[1]} kg"))


@dataclass(frozen=True)
class PageStyle:
    """How a page is printed; colours are RGB, widths in mm. The defaults are the kit's own look."""

    paper: Colour = (255, 255, 255)
    major: Colour = (255, 0, 0)
    minor: Colour = (254, 223, 219)
    trace: Colour = (5, 5, 5)
    text: Colour = (0, 0, 0)
    major_width_mm: float = 0.5 * MM_PER_POINT
    minor_width_mm: float = 0.5 * MM_PER_POINT
    trace_width_mm: float = 0.75 * MM_PER_POINT
    border_width_mm: float = 0.8 * MM_PER_POINT
    show_minor: bool = True
    show_border: bool = True
    qr_seed: int | None = None  # prints a code of random modules
    font: str = FONTS[0]
    font_size_mm: float = 11 * MM_PER_POINT
    header: tuple[Text, ...] = header_texts("00001_hr", 54, "Female", "1990-01-31, 12:00:00")

    @staticmethod
    def random(rng: np.random.Generator) -> "PageStyle":
        """A style as varied as real prints are: mostly red grids, some other colours, some with a code."""
        jitter = rng.integers(-25, 26, 3)
        major = np.clip(GRID_COLOURS[0 if rng.random() < 0.4 else rng.integers(len(GRID_COLOURS))] + jitter, 0, 255)
        paper = 255 - rng.integers(0, 12, 3) * (rng.random() < 0.5)
        minor = paper + (major - paper) * rng.uniform(0.12, 0.5)
        ink = int(rng.integers(0, 50))
        style = PageStyle(
            paper=_colour(paper),
            major=_colour(major),
            minor=_colour(minor),
            trace=(ink, ink, min(255, ink + int(rng.integers(0, 25)))),
            text=(ink // 2,) * 3,
            major_width_mm=rng.uniform(0.12, 0.26),
            minor_width_mm=rng.uniform(0.10, 0.20),
            trace_width_mm=rng.uniform(0.20, 0.36),
            show_minor=bool(rng.random() < 0.93),
            show_border=bool(rng.random() < 0.8),
            qr_seed=int(rng.integers(2**31)) if rng.random() < 0.6 else None,
            font=FONTS[0 if rng.random() < 0.8 else rng.integers(len(FONTS))],
            font_size_mm=rng.uniform(10, 12) * MM_PER_POINT,
        )
        return replace(style, header=_random_header(rng))


def draw_page(
    series: np.ndarray, fs_hz: float, style: PageStyle, layout: PageLayout, *, px_per_mm: float = PX_PER_MM
) -> np.ndarray:
    """The page (H, W, 3) uint8 RGB of `series` (12, n) in mV at `fs_hz`, leads in the order of `LEADS`.

    Raises DataError where the series has not 12 leads or is not finite inside a printed window.
    """
    page = _background(style, layout, px_per_mm).copy()
    lines = [_trace_px(series, fs_hz, window, layout, px_per_mm) for window in layout.windows]
    _blend(page, _stroke(lines, style.trace_width_mm * px_per_mm, page.shape[:2]), style.trace)
    return page


def _trace_px(series: np.ndarray, fs_hz: float, window: Window, layout: PageLayout, px_per_mm: float) -> np.ndarray:
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
    return np.stack([x_mm, y_mm]) * px_per_mm - 0.5


def _stroke(lines: list[np.ndarray], width_px: float, shape: tuple[int, int]) -> np.ndarray:
    """Coverage (H, W) float32, past 1 where strokes overlap, of polylines (2, n) px with rising x and a round pen.

    Seen column by column such a stroke is one interval [top, bottom]: the line's own extent, dilated by the pen's
    disk. Each interval enters as two edges per sub-column; a running sum down the page fills them.
    """
    height, width = shape
    edges = np.zeros((height + 2) * width, np.float32)
    for x, y in lines:
        first, top, bottom = _extent(x, y, width_px / 2)
        columns = (first + np.arange(len(top))) // SUBCOLUMNS
        inside = (columns >= 0) & (columns < width)
        for edge, sign in ((top, 1 / SUBCOLUMNS), (bottom, -1 / SUBCOLUMNS)):
            place = np.clip(edge[inside] + 0.5, 0, height)
            row = np.floor(place).astype(int)
            part = (place - row).astype(np.float32)
            index = row * width + columns[inside]
            np.add.at(edges, index, sign * (1 - part))
            np.add.at(edges, index + width, sign * part)
    return np.cumsum(edges.reshape(height + 2, width)[:height], axis=0)


def _extent(x: np.ndarray, y: np.ndarray, radius_px: float) -> tuple[int, np.ndarray, np.ndarray]:
    """First sub-column, and top and bottom px of the stroke in it and each that follows."""
    reach = int(np.ceil(radius_px * SUBCOLUMNS))
    first = int(np.floor((x[0] + 0.5) * SUBCOLUMNS)) - reach
    last = int(np.floor((x[-1] + 0.5) * SUBCOLUMNS)) + reach
    borders = np.arange(first, last + 2) / SUBCOLUMNS - 0.5
    at_border = np.interp(borders, x, y, left=np.nan, right=np.nan)
    top, bottom = np.fmin(at_border[:-1], at_border[1:]), np.fmax(at_border[:-1], at_border[1:])
    vertex = np.floor((x + 0.5) * SUBCOLUMNS).astype(int) - first
    np.fmin.at(top, vertex, y)
    np.fmax.at(bottom, vertex, y)
    offsets = np.arange(-reach, reach + 1) / SUBCOLUMNS
    pen = np.where(np.abs(offsets) <= radius_px, np.sqrt(np.maximum(radius_px**2 - offsets**2, 0)), -np.inf)
    bottom = grey_dilation(np.nan_to_num(bottom, nan=-np.inf), structure=pen, mode="constant", cval=-np.inf)
    top = -grey_dilation(np.nan_to_num(-top, nan=-np.inf), structure=pen, mode="constant", cval=-np.inf)
    drawn = np.isfinite(top)
    return first + int(np.argmax(drawn)), top[drawn], bottom[drawn]


@lru_cache(maxsize=2)
def _background(style: PageStyle, layout: PageLayout, px_per_mm: float) -> np.ndarray:
    """Everything but the traces: grid, border, pulses, separators, texts and code."""
    width, height = (round(side * px_per_mm) for side in layout.size_mm)
    page = _grid(style, layout, (height, width), px_per_mm)
    _blend(page, _marks(style, layout, (height, width), px_per_mm), style.trace)
    if style.qr_seed is not None:
        _print_code(page, style.qr_seed, px_per_mm)
    _blend(page, _texts(style, layout, (height, width), px_per_mm), style.text)
    return page


def _grid(style: PageStyle, layout: PageLayout, shape: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """Paper and grid, vertical lines first, as the kit does; then the border."""
    height, width = shape
    across = np.broadcast_to(np.float32(style.paper), (width, 3))
    down, through = np.zeros((height, 3), np.float32), np.ones((height, 1), np.float32)
    for step_mm, line_mm, colour in (
        (1.0, style.minor_width_mm * style.show_minor, style.minor),
        (BOX_MM, style.major_width_mm, style.major),
    ):
        x, y = (np.rint(lines * px_per_mm - 0.5) for lines in layout.lines_mm(step_mm))
        columns = _bars(width, x, line_mm * px_per_mm)[:, None]
        rows = _bars(height, y, line_mm * px_per_mm)[:, None]
        across = across * (1 - columns) + columns * np.float32(colour)
        down, through = down * (1 - rows) + rows * np.float32(colour), through * (1 - rows)
    sides = np.ones((width, 1), np.float32)
    if style.show_border:
        line_px = style.border_width_mm * px_per_mm
        ends = 1 - _bars(height, [-0.5, height - 0.5], line_px)[:, None]
        down, through = down * ends, through * ends
        sides = 1 - _bars(width, [-0.5, width - 0.5], line_px)[:, None]
    kinds, kind_of_row = np.unique(np.hstack([down, through]), axis=0, return_inverse=True)
    lines = (across * kinds[:, None, 3:] + kinds[:, None, :3]) * sides
    return np.round(lines).astype(np.uint8)[kind_of_row]


def _bars(length: int, centres: np.ndarray, width_px: float) -> np.ndarray:
    """Coverage (length,) float32 of bars of `width_px` at `centres` along one axis."""
    index, centres = np.arange(length, dtype=np.float32)[:, None], np.asarray(centres, np.float32)
    right, left = np.minimum(centres + width_px / 2, index + 0.5), np.maximum(centres - width_px / 2, index - 0.5)
    return np.clip(right - left, 0, 1).max(axis=1)


def _marks(style: PageStyle, layout: PageLayout, shape: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """Coverage of calibration pulses and separators."""
    coverage = np.zeros(shape, np.float32)
    pen = style.trace_width_mm * PULSE_TO_TRACE_WIDTH

    def bar(x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> None:
        columns = _bars(shape[1], [x_mm * px_per_mm - 0.5], width_mm * px_per_mm)
        rows = _bars(shape[0], [y_mm * px_per_mm - 0.5], height_mm * px_per_mm)
        box = np.ix_(np.flatnonzero(rows), np.flatnonzero(columns))
        coverage[box] = np.maximum(coverage[box], np.outer(rows[rows > 0], columns[columns > 0]))

    gain = layout.gain_mm_per_mv
    for pulse in layout.pulses:
        left, right, zero = pulse.left_mm, pulse.right_mm, layout.baselines_mm[pulse.row]
        for x in (left, right):
            bar(x, zero - gain / 2, pen, gain + pen)
        bar((left + right) / 2, zero - gain, right - left + pen, pen)
    for separator in layout.separators:
        x_mm = np.rint(separator.x_mm * px_per_mm) / px_per_mm
        bar(x_mm, layout.baselines_mm[separator.row], separator.width_mm, separator.height_mm)
    return coverage


def _texts(style: PageStyle, layout: PageLayout, shape: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """Coverage of header, footer and lead names."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / style.font
    font = ImageFont.truetype(str(path), style.font_size_mm * px_per_mm)
    sheet = Image.new("L", shape[::-1])
    pen = ImageDraw.Draw(sheet)
    texts = [(text.left_mm, text.base_mm, text.words) for text in (*layout.names, *layout.texts)]
    for x_mm, y_mm, words in (*texts, *style.header):
        pen.text((x_mm * px_per_mm, y_mm * px_per_mm), words, fill=255, font=font, anchor="ls")
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


def _blend(page: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
    """Lay `colour` over `page` in place, touching only where there is ink."""
    pixels, where = page.reshape(-1, 3), np.flatnonzero(coverage > 1 / 512)
    alpha = np.minimum(coverage.ravel()[where], 1)[:, None]
    pixels[where] = np.round(pixels[where] * (1 - alpha) + np.float32(colour) * alpha)


def _colour(rgb: np.ndarray) -> Colour:
    return tuple(int(value) for value in np.round(rgb))


def _random_header(rng: np.random.Generator) -> tuple[Text, ...]:
    """Header texts of a made-up patient, or none at all."""
    if rng.random() < 0.05:
        return ()
    date = f"{rng.integers(1984, 2002)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    clock = f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    body = (int(rng.integers(145, 200)), int(rng.integers(40, 130))) if rng.random() < 0.4 else None
    sex = ("Male", "Female")[rng.integers(2)]
    return header_texts(f"{rng.integers(100_000):05d}_hr", int(rng.integers(18, 95)), sex, f"{date}, {clock}", body)
