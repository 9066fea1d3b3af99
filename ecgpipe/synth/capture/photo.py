"""Photographs of a print: dry and folded (0005), soaked (0009), mouldy and torn (0010); close up and smooth."""

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import PageLayout
from ecgpipe.synth.capture import camera, noise, scene, stains
from ecgpipe.synth.capture.crop import traces_mm
from ecgpipe.synth.capture.paper import Sheet, Surface, crumple, curl, fold, print_sheet, wave
from ecgpipe.synth.capture.warp import COARSE, STEP_MM, Warp, WarpMesh

MARGIN_STEPS = 10
CLOSE_DEG = (25.0, 8.0)  # tilt and roll of a camera held over the traces
MAX_SLOPE = 0.5  # steeper facets would turn away from a tilted camera


def photograph(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int, *, kind: str
) -> tuple[np.ndarray, PageMap]:
    """A phone photo of the printed `page`, (H, W, 3) uint8, and its page map."""
    sheet = _print(page, rng)
    surface = _shape(kind, rng, layout)
    if kind != "0005" or rng.random() < 0.06:
        _damage(sheet, kind, rng)
    warp = _aim(surface, rng, _picture_size(rng, layout, long_side_px))
    return _expose(sheet, surface, warp, rng), warp.page_map()


def close_up(
    page: np.ndarray, rng: np.random.Generator, layout: PageLayout, long_side_px: int
) -> tuple[np.ndarray, PageMap]:
    """A photo, from nearly straight above, of the traces on a smooth sheet that fills most of the picture or all."""
    sheet = _print(page, rng)
    surface = Surface.flat(WarpMesh(MARGIN_STEPS, layout))
    wave(surface, rng, noise.log_uniform(rng, 80, 250), noise.log_uniform(rng, 0.01, 0.08))
    if rng.random() < 0.3:
        curl(surface, rng)
    surface.press(MAX_SLOPE)
    pose = camera.Pose.random(rng, *CLOSE_DEG)
    nodes = pose.project(surface.nodes())
    (left, top), (right, bottom) = np.rint(traces_mm(layout)[[0, 2]] / STEP_MM).astype(int) + MARGIN_STEPS
    seen = nodes[top : bottom + 1, left : right + 1]
    sides = np.ptp(seen.reshape(-1, 2), axis=0)
    width, height = (max(round(side), 2) for side in long_side_px * sides / sides.max())
    points = camera.frame_points(nodes, seen, (height, width), rng.uniform(0.95, 1.07), rng, pose.radial)
    warp = Warp(surface.mesh, points, (height, width))
    return _expose(sheet, surface, warp, rng, most_shadows=int(rng.random() < 0.4)), warp.page_map()


def _print(page: np.ndarray, rng: np.random.Generator) -> Sheet:
    margin = rng.uniform(2, 9)
    margins = np.clip(margin + rng.normal(0, 1.5, 4), 0.5, 20)
    sheet = print_sheet(_inked(page, rng), tuple(margins), int(rng.choice(4, p=(0.1, 0.2, 0.45, 0.25))))
    if rng.random() < 0.3:
        stains.handwriting(sheet, rng)
    return sheet


def _inked(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink that spreads a little, covers unevenly and is not quite black."""
    if rng.random() < 0.5:
        page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.3, 0.8))
    return camera.ink_grain(page, rng, rng.uniform(0, 0.25), np.full(3, rng.uniform(0.65, 1.1)))


def _shape(kind: str, rng: np.random.Generator, layout: PageLayout) -> Surface:
    surface = Surface.flat(WarpMesh(MARGIN_STEPS, layout))
    soaked = kind in ("0009", "0010")
    wave(surface, rng, noise.log_uniform(rng, 80, 250), noise.log_uniform(rng, 0.01, 0.1))
    if soaked or rng.random() < 0.15:
        wave(surface, rng, noise.log_uniform(rng, 25, 80), noise.log_uniform(rng, 0.03, 0.18))
    style = rng.choice(["none", "folds", "crumple", "both"], p=(0.12, 0.38, 0.3, 0.2))
    if style in ("folds", "both"):
        _folds(surface, rng)
    if style in ("crumple", "both"):
        facet = noise.log_uniform(rng, 15, 70)
        crumple(surface, rng, facet, noise.log_uniform(rng, 0.1, 0.4))
        crumple(surface, rng, facet / 3, noise.log_uniform(rng, 0.05, 0.25))
    if rng.random() < 0.3:
        curl(surface, rng)
    surface.press(MAX_SLOPE)
    return surface


def _folds(surface: Surface, rng: np.random.Generator) -> None:
    """Some free creases, or the parallel and crossed ones of a letter."""
    count, first = rng.integers(1, 6), rng.uniform(0, np.pi)
    letter = rng.random() < 0.4
    reach_mm = round(min(surface.mesh.layout.size_mm) / 2) + 2
    sign = rng.choice([-1, 1])
    for index in range(count):
        crossed = np.pi / 2 if rng.random() < 0.3 else 0.0
        angle = first + crossed + rng.normal(0, 0.15) if letter else rng.uniform(0, np.pi)
        sign = -sign if rng.random() < 0.8 else sign
        offset = rng.uniform(-reach_mm, reach_mm) * (0.75 if index else 0.5)
        fold(surface, rng, angle, offset, sign * noise.log_uniform(rng, 0.08, 0.5))


def _damage(sheet: Sheet, kind: str, rng: np.random.Generator) -> None:
    film = stains.Film(sheet)
    if kind == "0005":
        stains.dirt(film, rng)
        film.apply(sheet)
        return
    if rng.random() < 0.7:
        stains.age(film, rng, rng.uniform(0.1, 0.9))
    for _ in range(rng.integers(1, 4)):
        stains.wet(film, rng)
    if rng.random() < 0.25:
        stains.ring(film, rng)
    if kind == "0010":
        stains.dirt(film, rng)
        for _ in range(rng.integers(1, 4)):
            stains.mould(film, rng, grey=rng.random() < 0.3)
        stains.tear(sheet, film, rng, int(rng.integers(0, 4)), int(rng.integers(0, 6)), noise.log_uniform(rng, 0.2, 3))
    film.apply(sheet)


def _picture_size(rng: np.random.Generator, layout: PageLayout, long_side_px: int) -> tuple[int, int]:
    """(height, width) in pixels; most often the camera is held the way the page lies."""
    short = round(long_side_px * (9 / 16 if rng.random() < 0.2 else 3 / 4))
    upright = (rng.random() < 0.12) != (layout.height_mm > layout.width_mm)
    return (long_side_px, short) if upright else (short, long_side_px)


def _aim(surface: Surface, rng: np.random.Generator, size: tuple[int, int]) -> Warp:
    pose = camera.Pose.random(rng)
    nodes = pose.project(surface.nodes())
    inner = nodes[MARGIN_STEPS - 1 : 1 - MARGIN_STEPS, MARGIN_STEPS - 1 : 1 - MARGIN_STEPS]
    fill = rng.uniform(0.78, 1.0) if rng.random() < 0.75 else rng.uniform(1.0, 1.1)
    return Warp(surface.mesh, camera.frame_points(nodes, inner, size, fill, rng, pose.radial), size)


def _expose(sheet: Sheet, surface: Surface, warp: Warp, rng: np.random.Generator, most_shadows: int = 3) -> np.ndarray:
    """Paper on the table under the light, developed."""
    print_ = warp.draw(sheet.rgba, sheet.left, sheet.top)
    alpha = cv2.resize(print_[..., 3], warp.mm.shape[:0:-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    light = scene.lamps(rng, warp.mm.shape[1:], most_shadows)
    paper = warp.on_surface(scene.shade(surface, rng) * (1 + np.float32(0.15) * surface.wear))
    exposed = np.quantile((light[..., 1] * paper)[alpha > 0.5], 0.8)
    light *= camera.white_balance(rng) * np.float32(rng.uniform(0.68, 1.02) / exposed)
    ground = scene.cast_shadow(alpha, rng, warp.scale / COARSE) * np.float32(rng.uniform(0.6, 1.1))
    on_paper = camera.lit(print_[..., :3], warp.enlarge(light * paper[..., None]))
    table = scene.table(rng, warp)
    if rng.random() < 0.06:
        scene.lay_another(table, sheet, rng, warp)
    on_table = camera.lit(table, warp.enlarge(light * ground[..., None]))
    return camera.develop(camera.overlay(on_paper, on_table, print_[..., 3]), rng, warp.scale)
