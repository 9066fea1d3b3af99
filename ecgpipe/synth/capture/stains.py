"""Water, coffee, dirt, mould and tears, painted on the sheet before it is bent and pictured."""

import cv2
import numpy as np

from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.capture import noise
from ecgpipe.synth.capture.paper import Sheet

_SMALL = 3  # sheet pixels per pixel of the stain fields
_WHITE = np.ones(3)


class Film:
    """What stains do to the ink of a sheet: ink * `gain` + `veil`, 0 to 1, both (h, w, 3), finer than any stain."""

    def __init__(self, sheet: Sheet):
        height, width = sheet.rgba.shape[:2]
        self.shape = -(-height // _SMALL), -(-width // _SMALL)
        self.gain = np.ones((*self.shape, 3), np.float32)
        self.veil = np.zeros((*self.shape, 3), np.float32)

    def tint(self, strength: np.ndarray, colour: np.ndarray, opaque: float) -> None:
        """Filter through `colour` where `strength` (h, w) is 1; `opaque` 1 hides the ink below."""
        strength = strength.astype(np.float32)[..., None]
        colour = np.asarray(colour, np.float32)
        gain = 1 + strength * (colour * np.float32(1 - opaque) - 1)
        self.gain *= gain
        self.veil = self.veil * gain + strength * colour * np.float32(opaque)

    def apply(self, sheet: Sheet) -> None:
        height, width = sheet.rgba.shape[:2]
        gain, veil = (cv2.resize(f, (width, height), interpolation=cv2.INTER_LINEAR) for f in (self.gain, self.veil))
        ink = cv2.scaleAdd(veil, 255.0, cv2.multiply(sheet.ink, gain, dtype=cv2.CV_32F))
        sheet.rgba[..., :3] = cv2.convertScaleAbs(np.maximum(ink, 0, out=ink))


def _mm(length_mm: float) -> float:
    return length_mm * PX_PER_MM / _SMALL


def wet(film: Film, rng: np.random.Generator) -> None:
    """A spill that dried: a faint body with a darker tide line, sometimes washed-out ink."""
    shape = film.shape
    level = noise.fractal(rng, shape, _mm(rng.uniform(30, 110))) + np.float32(rng.uniform(-1.2, 0.3))
    body = noise.step(level, noise.log_uniform(rng, 0.05, 0.6))
    line = np.exp(-((level / np.float32(noise.log_uniform(rng, 0.02, 0.12))) ** 2)) * np.float32(rng.uniform(0.2, 1))
    brown = (1 - rng.uniform(0.05, 0.5) * np.array([0.15, 0.4, 1])) * rng.uniform(0.85, 1)
    mottled = np.clip(1 + 0.25 * noise.fractal(rng, shape, _mm(8)), 0, 1.3)
    if rng.random() < 0.5:
        film.tint(body * np.float32(rng.uniform(0.1, 0.5)), _WHITE, 1.0)
    film.tint(np.clip(body * mottled * rng.uniform(0.2, 1) + line, 0, 1.3), brown, 0.0)


def ring(film: Film, rng: np.random.Generator) -> None:
    """The mark of a cup."""
    height, width = film.shape
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot(rows - rng.uniform(0, height), cols - rng.uniform(0, width))
    radius += noise.smooth(rng, (height, width), _mm(15)) * np.float32(_mm(0.6))
    edge = np.exp(-(((radius - _mm(rng.uniform(25, 45))) / _mm(rng.uniform(0.5, 2))) ** 2))
    uneven = np.clip(0.6 + 0.4 * noise.smooth(rng, (height, width), _mm(25)), 0, 1)
    film.tint(edge * uneven, np.array([0.65, 0.48, 0.3]) * rng.uniform(0.8, 1.3), 0.0)


def dirt(film: Film, rng: np.random.Generator) -> None:
    """Smears and grains of grey and brown."""
    shape = film.shape
    smear = noise.step(noise.fractal(rng, shape, _mm(rng.uniform(15, 60))) - np.float32(rng.uniform(0, 1)), 2)
    rough = np.clip(0.6 + 0.5 * noise.fractal(rng, shape, _mm(4)), 0, 1.2)
    grains = np.maximum(noise.smooth(rng, shape, 1.5) - np.float32(rng.uniform(2.2, 3.2)), 0)
    colour = rng.uniform(0.25, 0.6) * np.array([1, 0.92, 0.78])
    film.tint(np.clip(smear * rough * rng.uniform(0.05, 0.45) + grains, 0, 1), colour, rng.uniform(0, 0.5))


def mould(film: Film, rng: np.random.Generator, grey: bool) -> None:
    """Colonies of spots a few millimetres to centimetres wide that hide trace and grid."""
    shape = film.shape
    colony = noise.fractal(rng, shape, _mm(noise.log_uniform(rng, 20, 80)), 3)
    spots = noise.fractal(rng, shape, _mm(noise.log_uniform(rng, 2, 14)), 5)
    level = spots + np.float32(rng.uniform(0.7, 1.4)) * colony - np.float32(rng.uniform(1.9, 3.3))
    cover = noise.step(level, noise.log_uniform(rng, 0.15, 1.2))
    halo = noise.step(level + np.float32(0.6), 2.0) * np.float32(rng.uniform(0, 0.5))
    brown = np.array([[0.36, 0.25, 0.15], [0.2, 0.17, 0.13], [0.3, 0.33, 0.24], [0.5, 0.38, 0.22]])[rng.integers(4)]
    colour = np.full(3, rng.uniform(0.02, 0.2)) if grey else brown * rng.uniform(0.6, 1.3)
    texture = np.clip(1 + 0.25 * noise.fractal(rng, shape, 4), 0.3, 1.2)
    film.tint(halo, np.sqrt(colour), 0.0)
    film.tint(cover * texture * rng.uniform(0.6, 1), colour, rng.uniform(0.3, 0.95))


def age(film: Film, rng: np.random.Generator, yellow: float) -> None:
    """Paper that yellowed, unevenly and more so at the edges."""
    shape = film.shape
    rows, cols = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    edge = np.maximum(np.abs(rows), np.abs(cols)) ** 8
    strength = np.clip(0.6 + 0.25 * noise.fractal(rng, shape, _mm(60)) + 0.6 * edge, 0, 1.5) * np.float32(yellow)
    film.tint(strength, np.array([0.92, 0.8, 0.58]), 0.0)


def tear(sheet: Sheet, film: Film, rng: np.random.Generator, holes: int, bites: int, ragged_mm: float) -> None:
    """Cut ragged edges, bites out of the rim and holes: alpha 0 there, torn fibres white along the cut."""
    height, width = film.shape
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    depth = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(cols, width - 1 - cols)) / np.float32(_mm(1))
    rough = noise.fractal(rng, (height, width), _mm(12), 5)
    whole = depth - np.float32(ragged_mm) * (np.abs(rough) + np.float32(0.2))
    for bite in [False] * holes + [True] * bites:
        cy, cx = rng.uniform(0.05, 0.95, 2) * (height, width)
        if bite:
            cy, cx = ((cy, 0), (cy, width), (0, cx), (height, cx))[rng.integers(4)]
        stretch, angle = noise.log_uniform(rng, 1, 5), rng.uniform(0, np.pi)
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along, across = (cols - cx) * c + (rows - cy) * s, (rows - cy) * c - (cols - cx) * s
        size = noise.log_uniform(rng, 1.0, 9)
        distance = np.hypot(along / np.float32(stretch), across) / np.float32(_mm(1)) - np.float32(size)
        whole = np.minimum(whole, distance + rough * np.float32(0.25 * size))
    film.tint(np.clip(1.2 - whole, 0, 1) * rng.uniform(0.3, 1), _WHITE, 1.0)
    whole = cv2.resize(whole, sheet.rgba.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    sheet.rgba[..., 3] = np.clip(whole * 500 + 128, 0, 255)  # a cut as sharp as a sheet pixel


def handwriting(sheet: Sheet, rng: np.random.Generator) -> None:
    """A line of scribbled letters with a pen, most often above the traces."""
    ppm = PX_PER_MM
    size = rng.uniform(3.5, 8) * ppm
    letters = int(rng.integers(5, 26))
    start = np.array([sheet.left, sheet.top]) + rng.uniform(20, 170) * np.array([ppm, 0])
    start[1] += (rng.uniform(20, 60) if rng.random() < 0.75 else rng.uniform(60, 200)) * ppm
    t = np.arange(letters * 24) / 24
    knots = rng.normal(0, 1, (letters * 4 + 4, 2))
    wiggle: np.ndarray = np.stack([np.interp(t * 4, np.arange(len(knots)), knots[:, k]) for k in (0, 1)], axis=-1)
    wiggle = cv2.GaussianBlur(wiggle.astype(np.float32), (1, 0), 2.0, sigmaY=2.0)
    points = start + np.stack([t * size * 0.7, np.sin(t) * 3], axis=-1) + wiggle * size * np.array([0.3, 0.42])
    slope = rng.normal(0, 0.08)
    points[:, 1] += slope * (points[:, 0] - start[0])
    colour = ((25, 25, 30), (20, 35, 120), (20, 20, 70), (120, 25, 30))[rng.choice(4, p=(0.55, 0.25, 0.12, 0.08))]
    ink = np.ascontiguousarray(sheet.ink)
    for word in np.split(points, np.sort(rng.choice(len(points), letters // 5 + 1, replace=False))):
        gap = word[: max(2, len(word) - 10)]
        cv2.polylines(
            ink, [np.round(gap * 16).astype(np.int32)], False, colour, int(rng.integers(2, 5)), cv2.LINE_AA, 4
        )
    sheet.rgba[..., :3] = ink
