"""Flatbed scans: colour (0003), black-and-white (0004), and both of a mouldy print (0011, 0012)."""

import cv2
import numpy as np

from ecgpipe.layout import BOX_MM, GRID_TOP_MM, PAGE_HEIGHT_MM, PAGE_WIDTH_MM, REFERENCE_PX_PER_MM
from ecgpipe.synth.capture import noise, stains
from ecgpipe.synth.capture.camera import jpeg
from ecgpipe.synth.capture.paper import Sheet, print_sheet
from ecgpipe.synth.capture.warp import STEP_MM, Lattice, Warp

_ASPECT = 1652 / 2200
_LATTICE = Lattice(12)


def scan(page: np.ndarray, kind: str, rng: np.random.Generator, long_side_px: int) -> tuple[np.ndarray, Warp]:
    """A scan of the printed `page`, (H, W, 3) uint8, and the warp that made it."""
    grey, mouldy = kind in ("0004", "0012"), kind in ("0011", "0012")
    printed = _print_grey(page, rng) if grey else _print_colour(page, rng)
    sheet = print_sheet(printed, _margins(rng), int(rng.choice(4, p=(0.1, 0.3, 0.4, 0.2))))
    if mouldy:
        _spoil(sheet, rng, grey)
    warp = _place(rng, long_side_px, turn_deg=1.2 if mouldy else 0.35)
    bed = np.float32(rng.uniform(0.0, 0.2) if mouldy and rng.random() < 0.5 else rng.uniform(0.85, 1.0))
    return _read(sheet, warp, rng, bed, grey), warp


def _margins(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, right, top, bottom in page mm: an A4 sheet around a print of 93 %."""
    across, down = rng.uniform(8, 30), rng.uniform(2, 18)
    left, top = across * rng.uniform(0.3, 0.7), down * rng.uniform(0.3, 0.7)
    return left, across - left, top, down - top


def _place(rng: np.random.Generator, long_side_px: int, turn_deg: float) -> Warp:
    """Print scale, a small turn, a scanner that stretches and does not move evenly, and a cut edge now and then."""
    width = round(long_side_px * rng.uniform(0.968, 1.0))
    height = round(long_side_px * _ASPECT * rng.uniform(0.99, 1.01))
    shrink = np.clip(rng.normal(0.93, 0.012), 0.9, 0.99) if rng.random() < 0.8 else rng.uniform(0.95, 1.03)
    scale = shrink * REFERENCE_PX_PER_MM * long_side_px / 2200 * (1 + rng.normal(0, 0.002, 2))
    angle = np.deg2rad(rng.normal(0, turn_deg))
    points = _LATTICE.points().astype(np.float64) - (PAGE_WIDTH_MM / 2, PAGE_HEIGHT_MM / 2)
    turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    room = np.array([width, height]) - np.array([PAGE_WIDTH_MM, PAGE_HEIGHT_MM]) * scale
    centre = np.array([width, height]) / 2 + np.clip(rng.normal(0, 0.3, 2), -0.6, 0.6) * np.maximum(np.abs(room), 30)
    nodes = turned + centre
    feed = noise.smooth(rng, _LATTICE.shape, (20 / STEP_MM, 600)) * np.float32(rng.uniform(0, 0.05))
    nodes[..., 1] += feed * scale[1]
    nodes += noise.smooth(rng, _LATTICE.shape, 60 / STEP_MM)[..., None] * rng.uniform(0, 0.1, 2) * scale
    return Warp(_LATTICE, nodes, (height, width))


def _print_colour(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink laid down unevenly, its colour a little off."""
    density = (255 - page).astype(np.float32)
    grain = noise.smooth(rng, page.shape[:2], noise.log_uniform(rng, 1, 2.5)) * np.float32(rng.uniform(0.03, 0.25))
    tint = rng.uniform(0.8, 1.1) * (1 + rng.normal(0, 0.06, 3)).astype(np.float32)
    return np.clip(255 - density * (1 + grain)[..., None] * tint.astype(np.float32), 0, 255).astype(np.uint8)


def _print_grey(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A monochrome print: the 5 mm grid comes out (nearly) black, paler tones as dots."""
    density = (255 - cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255
    gain = rng.uniform(0.55, 1.5) / max(_grid_density(density), 0.08)
    density = np.clip(density * np.float32(gain), 0, 1)
    patchy = np.float32(rng.uniform(0, 0.2)) * noise.smooth(rng, density.shape, (40, 40))
    threshold = (
        np.float32(0.5) + patchy + np.float32(rng.uniform(0.1, 0.3)) * rng.standard_normal(density.shape, np.float32)
    )
    dots = noise.step(density - threshold, noise.log_uniform(rng, 0.05, 0.6))
    keep = np.float32(rng.uniform(0, 0.6))
    grey = np.clip(keep * density + (1 - keep) * dots, 0, 1) * np.float32(rng.uniform(0.75, 1.0))
    return np.repeat((255 - 255 * grey).astype(np.uint8)[..., None], 3, axis=2)


def _grid_density(density: np.ndarray) -> float:
    """Ink of the 5 mm lines, 0..1, the median over their crossings with the page's middle."""
    ys = np.round(np.arange(GRID_TOP_MM + 4 * BOX_MM, PAGE_HEIGHT_MM - BOX_MM, BOX_MM) * REFERENCE_PX_PER_MM).astype(
        int
    )
    near = np.maximum(np.maximum(density[ys], density[ys - 1]), density[ys + 1])
    return float(np.median(near))


def _spoil(sheet: Sheet, rng: np.random.Generator, grey: bool) -> None:
    if not grey:
        stains.age(sheet, rng, rng.uniform(0, 0.7))
    if rng.random() < 0.6:
        stains.wet(sheet, rng)
    if rng.random() < 0.6:
        stains.dirt(sheet, rng)
    for _ in range(rng.integers(1, 5)):
        stains.mould(sheet, rng, grey)
    stains.tear(sheet, rng, int(rng.integers(0, 3)), int(rng.integers(0, 5)), noise.log_uniform(rng, 0.2, 3))
    if grey:
        sheet.rgba[..., :3] = cv2.cvtColor(sheet.ink, cv2.COLOR_RGB2GRAY)[..., None]


def _read(sheet: Sheet, warp: Warp, rng: np.random.Generator, bed: np.float32, grey: bool) -> np.ndarray:
    """What the scanner's sensor and software make of the sheet on its bed."""
    print_ = warp.draw(sheet.rgba, sheet.left, sheet.top)
    cover = print_[..., 3:].astype(np.float32) / 255
    paper = np.float32(rng.uniform(0.9, 1.0)) * (1 + rng.normal(0, 0.0 if grey else 0.015, 3)).astype(np.float32)
    light = print_[..., :3].astype(np.float32) * cover * paper + 255 * bed * (1 - cover)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.35, 0.9))
    amount = np.float32(rng.uniform(0, 1.2))
    light = light * (1 + amount) - amount * cv2.GaussianBlur(light, (0, 0), rng.uniform(0.8, 2))
    grain = rng.standard_normal(light.shape[:2], np.float32) * np.float32(noise.log_uniform(rng, 0.5, 5))
    black, gain = rng.uniform(0, 40), rng.uniform(0.98, 1.06)
    light = black + (light + grain[..., None]) * np.float32(gain * (1 - black / 255))
    picture = np.clip(light, 0, 255).astype(np.uint8)
    picture = jpeg(picture, int(rng.uniform(75, 98))) if rng.random() < 0.5 else picture
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) if grey else picture
