"""ECG pages as PDFs of lines, written by hand: what a machine's export may look like, one choice at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgpipe.page.layout import LEADS, PageLayout

POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True)
class Look:
    """How a page is drawn.

    Traces are drawn in one path for each lead (`leads`), or in one for each row (`rows`), in one path altogether
    (`path`), a stroke for each two samples (`strokes`), in a form of the page's (`form`), or in pieces of a second that
    go on with each other (`pieces`). Pulses stand apart (`own`), or at the beginning or end of the rows' paths. `scale`
    is how large a millimetre is printed; `turn` the page's /Rotate, `lie` quarter turns of its content.
    """

    traces: str = "leads"
    pulses: str = "own"
    grid: str = "both"
    scale: float = 1.0
    turn: int = 0
    lie: int = 0
    decimals: int = 3
    every: int = 1
    names: bool = True
    texts: bool = True
    after: str = ""


def write_page(path: Path, signal: np.ndarray, layout: PageLayout, look: Look) -> Path:
    """A PDF of `signal` (12, n) in mV at 500 Hz on a page of `layout`."""
    unit = look.scale * POINTS_PER_MM
    width, height = (side * unit for side in layout.size_mm)
    lie = [(1, 0, 0, 1, 0, 0), (0, 1, -1, 0, height, 0), (-1, 0, 0, -1, width, height), (0, -1, 1, 0, 0, width)]
    size = (height, width) if look.lie % 2 else (width, height)
    numbers = " ".join(f"{value:.3f}" for value in lie[look.lie])
    pen = _Pen(unit, height, look.decimals)
    drawn, form = _traces(pen, signal, layout, look), ""
    if look.traces == "form":
        drawn, form = "/Traces Do\n", drawn
    words = (layout.names if look.names else ()) + (layout.texts if look.texts else ())
    texts = "".join(pen.text(text.left_mm, text.base_mm, text.words) for text in words)
    content = f"q {numbers} cm\n{_grid(pen, layout, look)}0 0 0 RG 0.6 w\n{drawn}{texts}Q\n{look.after}"
    path.write_bytes(pdf([content], size, look.turn, form))
    return path


def pdf(contents: Sequence[str], size: tuple[float, float] = (842, 595), turn: int = 0, form: str = "") -> bytes:
    """A PDF with a page of each of `contents`, drawing operators, and a form that draws `form`, moved and back."""
    count = len(contents)
    pages = [3 + 2 * k for k in range(count)]
    font, shape = 3 + 2 * count, 4 + 2 * count
    objects = {
        1: "<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{' '.join(f'{page} 0 R' for page in pages)}] /Count {count} >>",
        font: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        shape: _stream(
            f"1 0 0 1 -20 30 cm\n{form}", "/Type /XObject /Subtype /Form /BBox [-9999 -9999 9999 9999] "
            "/Matrix [1 0 0 1 20 -30]"
        ),
    }  # fmt: skip
    for page, content in zip(pages, contents, strict=True):
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]:.4f} {size[1]:.4f}] /Rotate {turn} "
            f"/Contents {page + 1} 0 R /Resources << /Font << /F {font} 0 R >> /XObject << /Traces {shape} 0 R >> >> >>"
        )
        objects[page + 1] = _stream(content)
    whole, places = b"%PDF-1.4\n", []
    for number in sorted(objects):
        places.append(len(whole))
        whole += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    total = len(objects) + 1
    end = f"xref\n0 {total}\n0000000000 65535 f \n{table}trailer\n<< /Size {total} /Root 1 0 R >>\nstartxref\n"
    return whole + f"{end}{len(whole)}\n%%EOF\n".encode("latin-1")


def _stream(content: str, entries: str = "") -> str:
    return f"<< /Length {len(content)} {entries} >>\nstream\n{content}\nendstream"


class _Pen:
    """Drawing operators from millimetres, y down."""

    def __init__(self, unit: float, height: float, decimals: int):
        self.unit, self.height, self.decimals = unit, height, decimals

    def at(self, x_mm: float, y_mm: float) -> str:
        return f"{x_mm * self.unit:.{self.decimals}f} {self.height - y_mm * self.unit:.{self.decimals}f}"

    def line(self, points_mm: np.ndarray) -> str:
        """A path that is not stroked yet."""
        first, *others = (self.at(x, y) for x, y in points_mm)
        return f"{first} m\n" + "".join(f"{point} l\n" for point in others)

    def text(self, x_mm: float, y_mm: float, words: str) -> str:
        return f"BT /F 9 Tf {self.at(x_mm, y_mm)} Td ({words}) Tj ET\n"


def _grid(pen: _Pen, layout: PageLayout, look: Look) -> str:
    x_mm, y_mm = layout.lines_mm(1.0)
    drawn = "1 0.7 0.7 RG 0.1 w\n" if look.grid != "five" else ""
    for step, colours in ((1, ""), (5, "1 0.5 0.5 RG 0.3 w\n")):
        if step == 1 and look.grid == "five":
            continue
        drawn += colours
        for x in x_mm[::step]:
            drawn += pen.line(np.array([(x, y_mm[0]), (x, y_mm[-1])])) + "S\n"
        for y in y_mm[::step]:
            drawn += pen.line(np.array([(x_mm[0], y), (x_mm[-1], y)])) + "S\n"
    return drawn if look.grid != "none" else ""


def _traces(pen: _Pen, signal: np.ndarray, layout: PageLayout, look: Look) -> str:
    lines, marks = [], []
    for row in range(layout.rows):
        windows = layout.row_windows(row)
        parts = [_points(signal, window, layout)[:: look.every] for window in windows]
        pulses = [_pulse(pulse, layout) for pulse in layout.row_pulses(row)]
        if look.pulses == "own":
            marks += pulses
        if look.traces == "rows":
            parts = [np.concatenate(parts)]
        for pulse in pulses:
            end = np.array([[pulses[0][-1, 0] + 1, layout.baselines_mm[row]]]) if pulses else None
            if look.pulses == "before":
                parts[0] = np.concatenate([pulse, end, parts[0]])
            if look.pulses == "after":
                moved = pulse + np.array([parts[-1][-1, 0] - pulse[0, 0], 0])
                parts[-1] = np.concatenate([parts[-1], moved])
        lines += parts
    bars = [
        pen.line(np.array([(bar.x_mm, y + bar.offset_mm - 3.5), (bar.x_mm, y + bar.offset_mm + 3.5)])) + "S\n"
        for bar in layout.separators
        for y in [layout.baselines_mm[bar.row]]
    ]
    if look.traces == "strokes":
        drawn = "".join(pen.line(line[k : k + 2]) + "S\n" for line in lines for k in range(len(line) - 1))
    elif look.traces == "pieces":
        drawn = "".join(pen.line(line[k : k + 501]) + "S\n" for line in lines for k in range(0, len(line) - 1, 500))
    elif look.traces == "path":
        drawn = "".join(pen.line(line) for line in lines) + "S\n"
    else:
        drawn = "".join(pen.line(line) + "S\n" for line in lines)
    return "".join(bars) + drawn + "".join(pen.line(mark) + "S\n" for mark in marks)


def _points(signal: np.ndarray, window, layout: PageLayout) -> np.ndarray:
    """The samples of a window (n, 2) in mm."""
    part = layout.samples(window, round(500 * layout.duration_s))
    t_s = np.arange(part.start, part.stop) / 500
    mv = signal[LEADS.index(window.lead), part]
    return np.stack([layout.x_mm(window, t_s), layout.y_mm(window, mv)], axis=-1)


def _pulse(pulse, layout: PageLayout) -> np.ndarray:
    foot = layout.baselines_mm[pulse.row]
    top = foot - layout.gain_mm_per_mv * pulse.gain_ratio
    left, right = pulse.left_mm, pulse.right_mm
    return np.array([(left - 1, foot), (left, foot), (left, top), (right, top), (right, foot), (right + 1, foot)])
