"""Flatbed scans: colour (0003), black-and-white (0004), and both of a mouldy print (0011, 0012)."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise, stains
from ecgpipe.synth.capture.camera import ink_grain, jpeg
from ecgpipe.synth.capture.paper import Sheet, print_sheet
from ecgpipe.synth.capture.scanner import Scanner
from ecgpipe.synth.capture.warp import STEP_MM, Warp, WarpMesh

_SCANNED_HEIGHT = 1652 / 1700  # of the page: a letter page of 1700 px comes out so high
_MARGIN_STEPS = 12


def scan(
    page: np.ndarray,
    rng: np.random.Generator,
    layout: PageLayout,
    long_side_px: int,
    *,
    kind: str,
    scanner: Scanner | None = None,
) -> tuple[np.ndarray, PageMap]:
    """A scan of the printed `page`, (H, W, 3) uint8, and its page map; `scanner` None is a good one."""
    grey, mouldy = kind in ("0004", "0012"), kind in ("0011", "0012")
    if grey:
        printed = _print_pale(page, layout, scanner) if scanner else _print_grey(page, rng, layout)
    else:
        printed = _print_colour(page, rng)
    sheet = print_sheet(printed, _margins(rng), int(rng.choice(4, p=(0.1, 0.3, 0.4, 0.2))))
    if mouldy:
        _spoil(sheet, rng, grey)
    warp = _place(rng, layout, long_side_px, turn_deg=1.2 if mouldy else 0.35)
    page_map = scanner.carriage(rng, warp.size[1], warp.scale).scan(warp) if scanner else warp.page_map()
    bed = rng.uniform(0.0, 0.2) if mouldy and rng.random() < 0.5 else rng.uniform(0.85, 1.0)
    if grey and scanner:
        return _read_dots(sheet, warp, rng, bed, scanner), page_map
    return _read(sheet, warp, rng, bed, grey), page_map


def _margins(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, right, top, bottom in page mm: an A4 sheet around a print of 93 %."""
    across, down = rng.uniform(8, 30), rng.uniform(2, 18)
    left, top = across * rng.uniform(0.3, 0.7), down * rng.uniform(0.3, 0.7)
    return left, across - left, top, down - top


def _place(rng: np.random.Generator, layout: PageLayout, long_side_px: int, turn_deg: float) -> Warp:
    """Print scale, a small turn, a scanner that stretches and does not move evenly, and a cut edge now and then."""
    mesh, page_mm = WarpMesh(_MARGIN_STEPS, layout), np.array(layout.size_mm)
    bed = page_mm / page_mm.max()
    width = round(long_side_px * bed[0] * rng.uniform(0.968, 1.0))
    height = round(long_side_px * bed[1] * _SCANNED_HEIGHT * rng.uniform(0.99, 1.01))
    shrink = np.clip(rng.normal(0.93, 0.012), 0.9, 0.99) if rng.random() < 0.8 else rng.uniform(0.95, 1.03)
    page_px = round(page_mm.max() * PX_PER_MM)
    scale = shrink * PX_PER_MM * long_side_px / page_px * (1 + rng.normal(0, 0.002, 2))
    angle = np.deg2rad(rng.normal(0, turn_deg))
    points = mesh.points().astype(np.float64) - page_mm / 2
    turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    room = np.array([width, height]) - page_mm * scale
    centre = np.array([width, height]) / 2 + np.clip(rng.normal(0, 0.3, 2), -0.6, 0.6) * np.maximum(np.abs(room), 30)
    if rng.random() < 0.12:  # the sheet lay too far to one side
        centre[0] += rng.choice([-1, 1], p=(0.3, 0.7)) * rng.uniform(2, 12) * scale[0]
    nodes = turned + centre
    feed = noise.smooth(rng, mesh.shape, (20 / STEP_MM, 600)) * np.float32(rng.uniform(0, 0.05))
    nodes[..., 1] += feed * scale[1]
    nodes += noise.smooth(rng, mesh.shape, 60 / STEP_MM)[..., None] * rng.uniform(0, 0.1, 2) * scale
    return Warp(mesh, nodes, (height, width))


def _print_colour(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink laid down unevenly, its colour a little off."""
    return ink_grain(page, rng, rng.uniform(0.03, 0.25), rng.uniform(0.8, 1.1) * (1 + rng.normal(0, 0.02, 3)))


def _print_grey(page: np.ndarray, rng: np.random.Generator, layout: PageLayout) -> np.ndarray:
    """A monochrome print: the 5 mm grid comes out (nearly) black, paler tones as dots."""
    density = (255 - cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255
    gain = rng.uniform(0.55, 1.5) / max(_grid_density(density, layout), 0.08)
    density = np.minimum(density * np.float32(gain), 1)
    grain = noise.tiled(rng, density.shape)
    patches = noise.smooth(rng, density.shape, rng.uniform(20, 200))
    threshold = 0.45 + np.float32(rng.uniform(0.08, 0.25)) * grain + np.float32(rng.uniform(0, 0.08)) * patches
    soft = noise.log_uniform(rng, 0.05, 0.3)
    dots = noise.step(density - np.maximum(threshold, 0.02 + soft / 2), soft)
    keep = np.float32(rng.uniform(0, 0.6))
    grey = 255 - (keep * density + (1 - keep) * dots) * np.float32(rng.uniform(190, 255))
    return cv2.cvtColor(grey.astype(np.uint8), cv2.COLOR_GRAY2RGB)


def _print_pale(page: np.ndarray, layout: PageLayout, scanner: Scanner) -> np.ndarray:
    """A print whose tones the scanner will make dots of: the 5 mm grid nearly black, the rest in proportion."""
    density = (255 - cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255
    gain = scanner.ink_gain / max(_grid_density(density, layout), 0.08)
    grey = cv2.convertScaleAbs(np.maximum(1 - density * np.float32(gain), 0), alpha=255)
    return cv2.cvtColor(scanner.spread(grey), cv2.COLOR_GRAY2RGB)


def _grid_density(density: np.ndarray, layout: PageLayout) -> float:
    """Ink of the 5 mm lines, 0..1, the median over their crossings with the page's middle; 0 without a grid."""
    ys = np.rint(layout.lines_mm()[1][4:-1] * PX_PER_MM - 0.5).astype(int)
    ys = ys[(ys > 0) & (ys < len(density) - 1)]
    if len(ys) == 0:
        return 0.0
    near = np.maximum(np.maximum(density[ys], density[ys - 1]), density[ys + 1])
    return float(np.median(near))


def _spoil(sheet: Sheet, rng: np.random.Generator, grey: bool) -> None:
    film = stains.Film(sheet)
    if not grey:
        stains.age(film, rng, rng.uniform(0, 0.7))
    if rng.random() < 0.6:
        stains.wet(film, rng)
    if rng.random() < 0.6:
        stains.dirt(film, rng)
    for _ in range(rng.integers(1, 5)):
        stains.mould(film, rng, grey)
    stains.tear(sheet, film, rng, int(rng.integers(0, 3)), int(rng.integers(0, 5)), noise.log_uniform(rng, 0.2, 3))
    film.apply(sheet)


def _read_dots(sheet: Sheet, warp: Warp, rng: np.random.Generator, bed: float, scanner: Scanner) -> np.ndarray:
    """The 1-bit scan of the sheet on its bed, its dots averaged: (H, W, 3) uint8."""
    print_ = warp.draw(sheet.rgba, sheet.left, sheet.top)
    grey = print_[..., 0].copy()
    grey[print_[..., 3] < 128] = np.uint8(255 * bed)
    return cv2.cvtColor(scanner.threshold(grey, rng), cv2.COLOR_GRAY2RGB)


def _read(sheet: Sheet, warp: Warp, rng: np.random.Generator, bed: float, grey: bool) -> np.ndarray:
    """What the scanner's sensor and software make of the sheet on its bed: (H, W, 3) uint8."""
    print_ = warp.draw(sheet.rgba, sheet.left, sheet.top)
    picture = cv2.cvtColor(print_, cv2.COLOR_RGBA2GRAY if grey else cv2.COLOR_RGBA2RGB)
    picture[print_[..., 3] < 128] = np.uint8(255 * bed)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.35, 0.9))
    amount = rng.uniform(0, 1.2)
    picture = cv2.addWeighted(picture, 1 + amount, cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 2)), -amount, 0)
    black, white = rng.uniform(0, 40), rng.uniform(232, 262)
    tint = np.ones(1) if grey else 1 + rng.normal(0, 0.012, 3)
    grain = noise.tiled(rng, picture.shape[:2]) * np.float32(noise.log_uniform(rng, 0.5, 5)) + np.float32(black)
    gains = [(white * t - black) / 255 for t in tint]
    layers = [
        cv2.addWeighted(c, gain, grain, 1, 0, dtype=cv2.CV_8U)
        for c, gain in zip(cv2.split(picture), gains, strict=True)
    ]
    picture = cv2.merge(layers * 3 if grey else layers)
    return jpeg(picture, int(rng.uniform(75, 98))) if rng.random() < 0.5 else picture
