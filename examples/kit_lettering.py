"""Draw the two sheets of the kit's letters that `ecgpipe.page.lettering` has: `lettering.png` and `digits.png`.

Only matplotlib 3.7.5, which the kit ran with, puts letters on the same pixels: run this in an environment of its own,
`pip install matplotlib==3.7.5 "numpy<2"`, as `python examples/kit_lettering.py FOLDER`. Places are those of the kit's
own renders, to the pixel.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

VERSION = "3.7.5"
DPI, POINTS, MM_PER_INCH = 200, 11, 25.4
WIDTH_MM, HEIGHT_MM = 11 * MM_PER_INCH, 8.5 * MM_PER_INCH
Words = tuple[float, float, str]  # left end and foot in mm, and what stands there
LEADS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
NAMES: tuple[Words, ...] = tuple(
    (15 + 62.5 * column, HEIGHT_MM * (5 + 2 * row) / 12 + 6.985, lead)
    for column, leads in enumerate(LEADS)
    for row, lead in enumerate(leads)
)
TEXTS: tuple[Words, ...] = ((15, 202.9083, "II"), (50, 210.9, "25mm/s"), (100, 210.9, "10mm/mV"))
RIGHT_MM = 151.32  # left end of the header's last column
HEADINGS: tuple[Words, ...] = (
    (76.2, 5.9, "Name:"), (76.2, 10.9, "Height:"), (RIGHT_MM, 5.9, "Date: 19"), (RIGHT_MM, 10.9, "Weight:"),
)  # fmt: skip
GLYPHS = "0123456789-,:"
LEFT_PX, TOP_PX, WIDE_PX, HIGH_PX = 1282, 20, 24, 40  # the first place of a date, on the sheet


def drawn(texts: tuple[Words, ...]) -> np.ndarray:
    """Darkness (1700, 2200) uint8 of a page with `texts` alone."""
    figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH_MM)
    axes.set_ylim(HEIGHT_MM, 0)
    axes.axis("off")
    for left, foot, words in texts:
        axes.text(left, foot, words, fontsize=POINTS)
    canvas.draw()
    return 255 - np.asarray(canvas.buffer_rgba())[..., 0]


def main(folder: Path) -> None:
    """Write both sheets into `folder`."""
    if matplotlib.__version__ != VERSION:
        sys.exit(f"matplotlib {matplotlib.__version__} sets letters on other pixels; install matplotlib=={VERSION}")
    Image.fromarray(drawn(NAMES + TEXTS + HEADINGS)).save(folder / "lettering.png", optimize=True)
    place = np.s_[TOP_PX : TOP_PX + HIGH_PX, LEFT_PX : LEFT_PX + WIDE_PX]
    digits = [drawn(((RIGHT_MM, 5.9, f"Date: {glyph}"),))[place] for glyph in GLYPHS]
    Image.fromarray(np.hstack(digits)).save(folder / "digits.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
