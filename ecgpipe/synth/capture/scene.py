"""What the print lies on, and the light that falls on both."""

import cv2
import numpy as np

from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.paper import Sheet, Surface
from ecgpipe.synth.capture.warp import Warp

_TILE = 900  # texture pixels; one is about a millimetre of table


def table(rng: np.random.Generator, warp: Warp) -> np.ndarray:
    """The surface under the paper as the picture shows it, (H, W, 3) uint8."""
    makers = (_wood, _desk, _steel, _cloth, _dark)
    maker = makers[rng.choice(len(makers), p=(0.4, 0.22, 0.14, 0.14, 0.1))]
    tile = cv2.convertScaleAbs(np.clip(maker(rng), 0, 1), alpha=255)
    if rng.random() < 0.12:  # the table ends within the picture
        cut = int(rng.uniform(0.1, 0.9) * _TILE)
        tile[:cut] = rng.uniform(10, 200, 3)
    angle = rng.uniform(0, 360)
    turn = np.vstack(
        [cv2.getRotationMatrix2D((_TILE / 2, _TILE / 2), angle, noise.log_uniform(rng, 0.5, 1.6)), [0, 0, 1]]
    )
    centre_x, centre_y = (round(side / 2) for side in warp.mesh.layout.size_mm)
    to_mm = np.array([[1, 0, centre_x - _TILE / 2], [0, 1, centre_y - _TILE / 2], [0, 0, 1]])
    height, width = warp.size
    return cv2.warpPerspective(
        tile, warp.homography @ to_mm @ turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def lay_another(picture: np.ndarray, sheet: Sheet, rng: np.random.Generator, warp: Warp) -> None:
    """Draw a second copy of `sheet` beside the first, flat on the table, into `picture`."""
    width_mm, height_mm = warp.mesh.layout.size_mm
    angle = rng.normal(0, 8) + rng.choice([0, 90, 180])
    away = rng.uniform(0, 2 * np.pi)
    centre = sheet.left + width_mm / 2 * PX_PER_MM, sheet.top + height_mm / 2 * PX_PER_MM
    matrix: np.ndarray = cv2.getRotationMatrix2D(centre, angle, 1 / PX_PER_MM)
    matrix[:, 2] += np.array([width_mm, height_mm]) / 2 - centre
    matrix[:, 2] += rng.uniform(0.8, 1.2) * np.array(
        [(round(width_mm) + 51) * np.cos(away), (round(height_mm) + 54) * np.sin(away)]
    )
    cv2.warpPerspective(
        np.ascontiguousarray(sheet.ink),
        warp.homography @ np.vstack([matrix, [0, 0, 1]]),
        picture.shape[1::-1],
        dst=picture,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def _wood(rng: np.random.Generator) -> np.ndarray:
    shape = (_TILE, _TILE)
    bend = noise.smooth(rng, shape, (120, 500))
    grain = 0.5 * noise.smooth(rng, shape, (3, 120)) + 0.4 * noise.smooth(rng, shape, (14, 350))
    rings = np.sin(np.arange(_TILE, dtype=np.float32)[:, None] / np.float32(rng.uniform(4, 20)) + 3 * bend)
    streaks = np.minimum(noise.smooth(rng, shape, (1.5, 25)) + 1, 0)
    value = grain * rng.uniform(0.03, 0.09) + rings * rng.uniform(0, 0.05) + streaks * rng.uniform(0, 0.12)
    hue = rng.uniform(0, 1)
    base = (1 - hue) * np.array([0.62, 0.44, 0.28]) + hue * np.array([0.42, 0.28, 0.18])
    base = base * rng.uniform(0.6, 1.45) + rng.normal(0, 0.03, 3)
    planks = np.repeat(rng.normal(0, rng.uniform(0, 0.06), 12), _TILE // 12 + 1)[:_TILE].astype(np.float32)
    return (base * (1 + 2 * (value + planks[:, None]))[..., None]).astype(np.float32)


def _desk(rng: np.random.Generator) -> np.ndarray:
    base = rng.uniform(0.1, 0.95) + rng.normal(0, 0.06, 3)
    value = noise.fractal(rng, (_TILE, _TILE), 60) * rng.uniform(0, 0.04)
    speckle = noise.smooth(rng, (_TILE, _TILE), 1.2) * rng.uniform(0, 0.08)
    return (base + (value + speckle)[..., None]).astype(np.float32)


def _steel(rng: np.random.Generator) -> np.ndarray:
    brushed = noise.smooth(rng, (_TILE, _TILE), (1.2, 90)) * rng.uniform(0.01, 0.06)
    sheen = noise.smooth(rng, (_TILE, _TILE), (150, 700)) * rng.uniform(0.02, 0.15)
    scratches = np.maximum(noise.smooth(rng, (_TILE, _TILE), (2, 60)) - 2, 0) * 0.15
    base = rng.uniform(0.3, 0.75) + rng.normal(0, 0.015, 3)
    return (base + (brushed + sheen + scratches)[..., None]).astype(np.float32)


def _cloth(rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(2.5, 6)
    phase = np.arange(_TILE, dtype=np.float32) * np.float32(2 * np.pi / period)
    weave = np.sin(phase)[:, None] * np.sin(phase)[None] * rng.uniform(0.02, 0.15)
    fold = noise.fractal(rng, (_TILE, _TILE), 150) * rng.uniform(0.02, 0.2)
    thread = noise.smooth(rng, (_TILE, _TILE), 2) * rng.uniform(0.02, 0.08)
    base = rng.uniform(0.08, 0.85, 3) * 0.6 + rng.uniform(0, 0.4)
    cloth = base * (1 + weave + fold + thread)[..., None]
    if rng.random() < 0.35:  # stripes
        stripe = np.sin(np.arange(_TILE) / rng.uniform(4, 40)) > rng.uniform(-0.5, 0.9)
        cloth[stripe] *= rng.uniform(0.4, 1.5, 3)
    return cloth.astype(np.float32)


def _dark(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.01, 0.12) + _desk(rng) * np.float32(0.05)


def shade(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Brightness of the paper on the fine mesh, 1 where it lies flat: Lambert's law plus light from all around."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(20, 70))
    dx, dy = surface.slopes()
    tilt = (dx * np.cos(azimuth) + dy * np.sin(azimuth)).astype(np.float32) / np.float32(np.tan(elevation))
    normal = 1 / np.sqrt(1 + dx**2 + dy**2)
    ambient = np.float32(rng.uniform(0.3, 0.7))
    lit = np.maximum((1 - tilt) * normal, 0) * (1 - ambient) + ambient * (0.4 + 0.6 * normal)
    return np.clip(lit, 0.25, 1.35).astype(np.float32)


def lamps(rng: np.random.Generator, shape: tuple[int, int], most_shadows: int = 3) -> np.ndarray:
    """Uneven light (H, W, 3) float32 around 1: falloff, vignette, and shadows with soft or hard edges and tints."""
    height, width = shape
    rows, cols = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.22)
    light = 1 + np.float32(fall) * (cols * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle)))
    light -= np.float32(rng.uniform(0, 0.12)) * (cols**2 + rows**2)
    light = np.repeat(light[..., None], 3, axis=2)
    for _ in range(min(rng.choice(4, p=(0.35, 0.35, 0.2, 0.1)), most_shadows)):
        dark = rng.uniform(0.05, 0.5)
        tint = dark * rng.normal(0.03, 0.1)
        colour = np.array([1 - dark - tint, 1 - dark, 1 - dark + tint], np.float32)
        mask = _shadow(rng, rows, cols)[..., None]
        light *= 1 - mask * (1 - colour)
    return light


def _shadow(rng: np.random.Generator, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Where a shadow falls, 0..1: beyond a line, a band, or a blob like a hand or a head."""
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.7, 0.7)
    line = cols * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle)) - np.float32(offset)
    wobble = noise.smooth(rng, rows.shape, rows.shape[0] * rng.uniform(0.2, 0.8)) * np.float32(rng.uniform(0, 0.15))
    softness = noise.log_uniform(rng, 0.01, 0.8)
    kind = rng.random()
    if kind < 0.5:
        return noise.step(line + wobble, softness)
    if kind < 0.75:
        return noise.step(np.float32(rng.uniform(0.1, 0.4)) - np.abs(line + wobble), softness)
    cx, cy = rng.uniform(-1, 1, 2)
    radius = np.hypot((cols - np.float32(cx)) * np.float32(rng.uniform(0.6, 1.5)), rows - np.float32(cy))
    return noise.step(np.float32(rng.uniform(0.2, 0.8)) - radius + 2 * wobble, softness)


def cast_shadow(alpha: np.ndarray, rng: np.random.Generator, px_per_mm: float) -> np.ndarray:
    """How much the sheet darkens the table around it, (h, w) float32 factor."""
    dx, dy = rng.normal(0, 2.5 * px_per_mm, 2)
    moved = cv2.warpAffine(
        alpha, np.array([[1, 0, dx], [0, 1, dy]], np.float32), alpha.shape[::-1], borderMode=cv2.BORDER_REPLICATE
    )
    blurred = cv2.GaussianBlur(moved, (0, 0), noise.log_uniform(rng, 0.6, 4) * px_per_mm)
    return 1 - np.float32(rng.uniform(0.1, 0.65)) * blurred
