"""Photographs of a monitor (0006): viewer and desktop around the page, pixel grid and moiré, glare, bezel, room."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import camera, noise
from ecgpipe.synth.capture.paper import Sheet, Surface
from ecgpipe.synth.capture.warp import STEP_MM, Warp, WarpMesh

_MARGIN_STEPS = 36
_CELL = 12  # texture pixels of one screen pixel


def photograph_monitor(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A phone photo of the `page` on a screen, (H, W, 3) uint8, and its page map."""
    sheet, screen_px_per_mm = _screen(page, rng)
    warp = _aim(rng, layout, long_side_px)
    print_ = warp.draw(_resolved(sheet.rgba, screen_px_per_mm), sheet.left, sheet.top)
    shape = warp.mm.shape[1:]
    gamma = 255 * (np.arange(256) / 255) ** rng.uniform(0.85, 1.2)
    shown = cv2.multiply(
        cv2.LUT(print_[..., :3], gamma.astype(np.uint8)), _pixels(warp, rng, screen_px_per_mm), scale=1 / 128
    )
    balance = camera.white_balance(rng)
    shown = camera.lit(shown, warp.enlarge(_uneven(rng, shape) * balance))
    shown = cv2.add(shown, warp.enlarge(_in_bytes(_glare(rng, shape))))
    room = np.ascontiguousarray(warp.enlarge(_in_bytes(_room(rng, shape) * balance)))
    return camera.develop(camera.overlay(shown, room, print_[..., 3]), rng, warp.scale), warp.page_map()


def _in_bytes(light: np.ndarray) -> np.ndarray:
    return np.clip(light * np.float32(camera.WHITE), 0, 255).astype(np.uint8)


def _resolved(rgba: np.ndarray, screen_px_per_mm: float) -> np.ndarray:
    """What is left of the page when the viewer shrinks it to the screen's pixels."""
    shrink = screen_px_per_mm / PX_PER_MM
    return cv2.GaussianBlur(rgba, (0, 0), 0.4 * np.sqrt(shrink**-2 - 1)) if shrink < 0.85 else rgba


def _screen(page: np.ndarray, rng: np.random.Generator) -> tuple[Sheet, float]:
    """The page in its viewer on the desktop with the monitor's frame, and the screen's pixels per page mm."""
    ppm = PX_PER_MM
    rgba = np.dstack([page, np.full(page.shape[:2], 255, np.uint8)])
    left, top, right, bottom = 0, 0, 0, 0
    if rng.random() < 0.8:
        sides = (rng.uniform(0, 60), rng.uniform(0, 60), rng.uniform(4, 28), rng.uniform(0, 16))
        left, right, top, bottom = (round(mm * ppm) for mm in sides)
        chrome = rng.choice([rng.integers(20, 60), rng.integers(200, 256)])
        rgba = cv2.copyMakeBorder(rgba, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(*[int(chrome)] * 3, 255))
        _bars(rgba, rng, top, bottom)
    frame = round(rng.uniform(4, 16) * ppm)
    dark = [int(v) for v in np.clip(rng.integers(5, 60) + rng.normal(0, 2, 3), 0, 255)]
    rgba = cv2.copyMakeBorder(rgba, frame, frame, frame, frame, cv2.BORDER_CONSTANT, value=(*dark, 255))
    width_mm = (rgba.shape[1] - 2 * frame) / ppm
    return Sheet(rgba, left + frame, top + frame), rng.choice(
        [1366, 1920, 2560, 3840], p=(0.1, 0.55, 0.25, 0.1)
    ) / width_mm


def _bars(rgba: np.ndarray, rng: np.random.Generator, top: int, bottom: int) -> None:
    """Title bar, menus and a task bar: stripes with small blocks and words."""
    height, width = rgba.shape[:2]
    for y0, y1 in ((0, top), (height - bottom, height)):
        for _ in range(int(rng.integers(1, 5))):
            if y1 - y0 < 12:
                break
            y = int(rng.integers(y0, y1 - 8))
            rgba[y : min(y1, y + int(rng.integers(8, 60))), :, :3] = rng.integers(0, 256) * 0.3 + rgba[y, 0, :3] * 0.7
        for _ in range(int(rng.integers(4, 40))):
            x, y = int(rng.integers(0, width - 60)), int(rng.integers(y0, max(y0 + 1, y1 - 10)))
            colour = [int(c) for c in rng.integers(0, 256, 3)]
            if rng.random() < 0.5:
                text = "".join(chr(c) for c in rng.integers(97, 123, rng.integers(3, 12)))
                cv2.putText(
                    rgba, text, (x, min(y + 12, y1)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (*colour, 255), 1, cv2.LINE_AA
                )
            else:
                cv2.rectangle(rgba, (x, y), (x + 20, min(y + 20, y1)), (*colour, 255), -1)


def _aim(rng: np.random.Generator, layout: PageLayout, long_side_px: int) -> Warp:
    short = round(long_side_px * 3 / 4)
    size = (long_side_px, short) if rng.random() < 0.1 else (short, long_side_px)
    mesh = WarpMesh(_MARGIN_STEPS, layout)
    surface = Surface.flat(mesh)
    bulge = rng.uniform(-1, 1) * 2e-4 if rng.random() < 0.2 else 0.0  # a curved screen
    surface.z += np.float32(bulge) * (surface.points[..., 0] - np.float32(layout.width_mm / 2)) ** 2
    pose = camera.Pose.random(rng, tilt_deg=22, roll_deg=8)
    nodes = pose.project(surface.nodes())
    rows, cols = lattice_mm(layout, STEP_MM).shape[:2]
    body = nodes[mesh.margin : mesh.margin + rows, mesh.margin : mesh.margin + cols]
    fill = rng.uniform(0.65, 1.0) if rng.random() < 0.85 else rng.uniform(1.0, 1.06)
    return Warp(mesh, camera.frame_points(nodes, body, size, fill, rng, pose.radial), size)


def _pixels(warp: Warp, rng: np.random.Generator, screen_px_per_mm: float) -> np.ndarray:
    """Gains of the screen's red, green and blue stripes as the sensor samples them: the source of the moiré."""
    x = (np.arange(_CELL, dtype=np.float32) + np.float32(0.5)) * np.float32(2 * np.pi / _CELL)
    picture_px = warp.scale / screen_px_per_mm  # picture pixels per screen pixel
    passed = np.exp(-0.5 * (1.1 / picture_px) ** 2) * noise.log_uniform(rng, 0.1, 0.8) + noise.log_uniform(
        rng, 0.003, 0.05
    )
    stripes = 1 + np.float32(passed) * np.stack([np.cos(x - k * 2 * np.pi / 3) for k in (-1, 0, 1)], axis=-1)
    lines = 1 + np.float32(passed * rng.uniform(0.2, 0.8)) * np.cos(x)
    tile = np.clip(128 * lines[:, None, None] * stripes[None], 0, 255).astype(np.uint8)
    scale = np.float32(screen_px_per_mm * _CELL)
    cols, rows = (warp.enlarge(axis * scale) + np.float32(rng.uniform(0, 9)) for axis in warp.mm)
    return cv2.remap(tile, cols, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_WRAP)


def _uneven(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Backlight that falls off with the angle, and its colour, (h, w, 3)."""
    rows, cols = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    slope = rng.normal(0, 0.08, 2).astype(np.float32)
    glow = 1 + slope[0] * cols + slope[1] * rows - np.float32(rng.uniform(0, 0.2)) * (rows**2 + cols**2)
    cold = np.array([1 - rng.uniform(-0.03, 0.1), 1.0, 1 + rng.uniform(-0.03, 0.08)], np.float32)
    return glow[..., None] * cold * np.float32(rng.uniform(0.75, 1.05))


def _glare(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Light of windows and lamps on the glass, added to the screen, (h, w, 3)."""
    rows, cols = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    glare = np.maximum(noise.smooth(rng, shape, shape[0] / 2), 0) * np.float32(rng.uniform(0, 0.06))
    for _ in range(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1))):
        cx, cy = rng.uniform(-1.1, 1.1, 2).astype(np.float32)
        wide, high = rng.uniform(0.08, 0.5, 2).astype(np.float32)
        power = (1, 4)[rng.integers(2)]  # round lamps, squarish windows
        spot = np.exp(-((((cols - cx) / wide) ** 2) ** power) - (((rows - cy) / high) ** 2) ** power)
        glare = glare + spot * np.float32(rng.uniform(0.03, 0.35))
    return glare[..., None] * camera.white_balance(rng)


def _room(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """The blurred room behind the monitor, (h, w, 3)."""
    room = np.stack([noise.fractal(rng, shape, shape[0] / 3, 3)] * 3, axis=-1) * np.float32(0.12)
    room += noise.smooth(rng, shape, shape[0] / 2)[..., None] * rng.normal(0, 0.05, 3).astype(np.float32)
    return np.clip(room + np.float32(rng.uniform(0.03, 0.6)), 0, 1)
