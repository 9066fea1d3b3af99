"""How a page is printed: colours, widths, fonts and the texts of a made-up patient."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import ImageDraw

from ecgpipe.page.layout import MM_PER_INCH, PageLayout
from ecgpipe.synth.headers import Cover, HeaderLine, Rule, random_covers, random_header, random_rules
from ecgpipe.synth.ink import Colour
from ecgpipe.synth.lettering import FONTS, KIT_PT, MACHINE_FONTS, PLAIN, Lettering

MM_PER_POINT = MM_PER_INCH / 72
KIT_LETTERS_SHARE = 0.8  # of random styles

GRID_COLOURS: tuple[Colour, ...] = (
    (255, 0, 0), (222, 60, 70), (240, 130, 145), (150, 85, 50), (60, 100, 190), (50, 140, 80), (110, 110, 110),
)  # fmt: skip
MACHINE_GRIDS: tuple[Colour, ...] = (
    (235, 100, 110), (245, 150, 160), (230, 120, 190), (240, 150, 90), (140, 100, 70), (130, 130, 130), (60, 60, 60),
    (20, 20, 20), (70, 160, 90), (90, 130, 210), (170, 140, 210), (255, 60, 60),
)  # fmt: skip


@dataclass(frozen=True)
class Logo:
    """A maker's mark: a filled `polygon` in an ellipse that fills the box from (`left_mm`, `top_mm`) on."""

    left_mm: float
    top_mm: float
    width_mm: float
    height_mm: float
    polygon: tuple[tuple[float, float], ...] = ()  # shares of width and height

    def draw(self, pen: ImageDraw.ImageDraw, px_per_mm: float) -> None:
        """Print it on a sheet of one channel."""
        x, y, w, h = (mm * px_per_mm for mm in (self.left_mm, self.top_mm, self.width_mm, self.height_mm))
        pen.ellipse((x, y, x + w, y + h), outline=255, width=max(1, round(0.4 * px_per_mm)))
        if self.polygon:
            pen.polygon([(x + u * w, y + v * h) for u, v in self.polygon], fill=255)


def header_texts(
    record: str, age: int, sex: str, date: str, body: tuple[int, int] | None = None
) -> tuple[HeaderLine, ...]:
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
    font_size_mm: float = KIT_PT * MM_PER_POINT
    header: tuple[HeaderLine, ...] = header_texts("00001_hr", 54, "Female", "1990-01-31, 12:00:00")
    minor_dots: bool = False  # dots where the lines every mm cross, instead of lines
    major_dots: bool = False  # a dot every mm along the lines every 5 mm
    pulse_to_trace_width: float = 1.5
    name_font: str | None = None  # of lead names, where it is not `font`
    name_size_mm: float | None = None
    show_outline: bool = False  # a line of the width of the border around a grid that covers a part of the page
    logo: Logo | None = None
    lettering: Lettering = PLAIN
    name_lettering: Lettering = PLAIN
    marks: Colour | None = None  # of pulses and separators, where they have not the ink of the trace
    rules: tuple[Rule, ...] = ()
    covers: tuple[Cover, ...] = ()
    kit_letters: bool = False  # where the kit's page has all its texts, at 200 dpi: as the kit sets them, to the pixel

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
            font=FONTS[0 if (by_kit := rng.random() < KIT_LETTERS_SHARE) else rng.integers(len(FONTS))],
            font_size_mm=rng.uniform(10, 12) * MM_PER_POINT,
        )
        style = replace(style, header=_random_header(rng))
        return style.in_kit_letters() if by_kit else style

    def in_kit_letters(self) -> "PageStyle":
        """The same look with its texts as the kit sets them."""
        return replace(self, font=FONTS[0], font_size_mm=KIT_PT * MM_PER_POINT, kit_letters=True)

    @staticmethod
    def random_kit_print(rng: np.random.Generator) -> "PageStyle":
        """The kit's page in the inks of other makers: grids as dark as the trace, grey, dotted, in any colour."""
        return _in_random_inks(PageStyle.random(rng), rng)

    @staticmethod
    def random_machine(rng: np.random.Generator, layout: PageLayout) -> "PageStyle":
        """The look of any maker for a page of `layout`: inks, letters, header, statements, frames, logo."""
        font, name_font = (MACHINE_FONTS[rng.integers(len(MACHINE_FONTS))] for _ in range(2))
        lettering, name_lettering = Lettering.random(rng), Lettering.random(rng)
        size_mm = rng.uniform(1.6, 3.8)
        name_size_mm = size_mm * rng.uniform(0.9, 1.6) if rng.random() < 0.8 else rng.uniform(1.6, 6.5)
        alike = rng.random() < 0.5
        style = PageStyle(
            show_border=bool(rng.random() < 0.15),
            show_outline=bool(rng.random() < 0.4),
            font=font,
            font_size_mm=size_mm,
            name_font=font if alike else name_font,
            name_size_mm=float(np.clip(name_size_mm, 1.6, 6.5)),
            pulse_to_trace_width=float(rng.choice([1.0, rng.uniform(0.5, 1.6)])),
            lettering=replace(lettering, underlined=False),
            name_lettering=lettering if alike else name_lettering,
        )
        style = _in_random_inks(style, rng)
        return replace(
            style,
            marks=_random_marks(rng, style),
            header=random_header(rng, layout, size_mm),
            logo=_random_logo(rng, layout),
            rules=random_rules(rng, layout),
            covers=random_covers(rng, layout),
        )


def _colour(rgb: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in np.round(rgb))
    return red, green, blue


def _random_header(rng: np.random.Generator) -> tuple[HeaderLine, ...]:
    """Header texts of a made-up patient, or none at all."""
    if rng.random() < 0.05:
        return ()
    date = f"{rng.integers(1984, 2002)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    clock = f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    body = (int(rng.integers(145, 200)), int(rng.integers(40, 130))) if rng.random() < 0.4 else None
    sex = ("Male", "Female")[rng.integers(2)]
    return header_texts(f"{rng.integers(100_000):05d}_hr", int(rng.integers(18, 95)), sex, f"{date}, {clock}", body)


def _in_random_inks(style: PageStyle, rng: np.random.Generator) -> PageStyle:
    """`style` with other colours and widths of paper, grid and trace."""
    tint = rng.random(3) * (rng.random() < 0.6) * rng.uniform(0, 26 if rng.random() < 0.85 else 50)
    paper = 255 - tint
    major = np.clip(MACHINE_GRIDS[rng.integers(len(MACHINE_GRIDS))] + rng.integers(-20, 21, 3), 0, 255)
    major = paper + (major - paper) * (rng.uniform(0.18, 0.6) if rng.random() < 0.25 else 1.0)
    same = rng.random() < 0.15  # 1 mm lines as dark as those of 5 mm
    minor = paper + (major - paper) * (1.0 if same else rng.uniform(0.15, 0.85))
    ink = float(rng.integers(0, 60))
    trace = np.full(3, ink)
    if rng.random() < 0.22:
        trace = np.array([(25, 30, 130), (120, 20, 25), (90, 90, 95), (20, 60, 160)][rng.integers(4)]) + ink / 4
    major_width, dots = rng.uniform(0.1, 0.18 if same else 0.35), rng.random()
    return replace(
        style,
        paper=_colour(paper),
        major=_colour(major),
        minor=_colour(minor),
        trace=_colour(trace),
        text=_colour(trace if rng.random() < 0.3 else np.full(3, ink / 2)),
        major_width_mm=float(major_width),
        minor_width_mm=float(major_width if same else rng.uniform(0.08, 0.2)),
        trace_width_mm=float(rng.uniform(0.12, 0.6) if rng.random() < 0.4 else rng.uniform(0.2, 0.38)),
        show_minor=bool(rng.random() < 0.87),
        minor_dots=bool(dots < 0.2),
        major_dots=bool(dots < 0.04),
    )


def _random_marks(rng: np.random.Generator, style: PageStyle) -> Colour | None:
    """The ink of pulses and separators: the trace's as a rule, the grid's, or that of the texts."""
    if rng.random() < 0.75:
        return None
    return style.major if rng.random() < 0.4 else style.text


def _random_logo(rng: np.random.Generator, layout: PageLayout) -> Logo | None:
    """A mark at the top or the foot of the sheet, or none."""
    if rng.random() < 0.7:
        return None
    width, height = rng.uniform(6, 25), rng.uniform(4, 9)
    top = rng.choice([rng.uniform(1, 6), layout.height_mm - height - rng.uniform(1, 4)])
    polygon = tuple((float(x), float(y)) for x, y in rng.uniform(0.2, 0.8, (rng.integers(3, 7), 2)))
    return Logo(
        float(rng.uniform(0.5, 0.9) * (layout.width_mm - width)), float(top), float(width), float(height), polygon
    )
