"""A phone's camera: where it puts points in space, and what its sensor and its software make of the light."""

from dataclasses import dataclass

import cv2
import numpy as np

from ecgpipe.synth.capture import noise

WHITE = 200.0  # a scene in bytes keeps room for highlights up to 255 / 200


@dataclass(frozen=True)
class Pose:
    """Pinhole camera above the table. `tilt` (rad) leans it towards `tilt_axis`, `roll` turns the picture."""

    roll: float
    tilt: float
    tilt_axis: float
    distance_mm: float
    radial: float  # first coefficient of radial distortion at half the picture's diagonal

    @staticmethod
    def random(rng: np.random.Generator, tilt_deg: float = 30.0, roll_deg: float = 20.0) -> "Pose":
        return Pose(
            roll=np.deg2rad(roll_deg) * _bell(rng),
            tilt=np.deg2rad(tilt_deg) * rng.beta(1.2, 2.2),
            tilt_axis=rng.uniform(0, 2 * np.pi),
            distance_mm=noise.log_uniform(rng, 300, 700),
            radial=rng.uniform(-0.02, 0.02),
        )

    def project(self, points: np.ndarray) -> np.ndarray:
        """Picture-plane points (..., 2), in units of the focal length, of points (..., 3) in mm, z up."""
        c, s = np.cos(self.roll), np.sin(self.roll)
        x, y, z = np.moveaxis(points.astype(np.float64), -1, 0)
        x, y = c * x - s * y, s * x + c * y
        a, b = np.cos(self.tilt_axis), np.sin(self.tilt_axis)
        across, along = -b * x + a * y, a * x + b * y
        ct, st = np.cos(self.tilt), np.sin(self.tilt)
        along, depth = ct * along - st * z, self.distance_mm - st * along - ct * z
        x, y = a * along - b * across, b * along + a * across
        return np.stack([x / depth, y / depth], axis=-1)


def frame_points(
    plane: np.ndarray, body: np.ndarray, size: tuple[int, int], fill: float, rng: np.random.Generator, radial: float
) -> np.ndarray:
    """Scale and shift picture-plane points so that `body`, a part of them, fills the picture by `fill`.

    `fill` 1 touches the picture's edges, more cuts the page. Returns pixels of the shape of `plane`.
    """
    height, width = size
    low, high = body.reshape(-1, 2).min(0), body.reshape(-1, 2).max(0)
    room = np.array([width, height], float)
    scale = fill * np.min(room / (high - low))
    slack = np.abs(room - scale * (high - low)) / 2
    centre = room / 2 + slack * np.clip(rng.normal(0, 0.5, 2), -0.95, 0.95)
    centred = (plane - (low + high) / 2) * scale + centre - room / 2
    r2 = np.sum(centred**2, axis=-1, keepdims=True) / (np.hypot(height, width) / 2) ** 2
    return centred * (1 + radial * np.minimum(r2, 4)) + room / 2 - 0.5


def develop(scene: np.ndarray, rng: np.random.Generator, px_per_mm: float) -> np.ndarray:
    """The picture of `scene` (H, W, 3) uint8, whose `WHITE` is white: blur, tone, noise, sharpening, JPEG."""
    picture = _add_noise(cv2.LUT(_defocus(scene, rng, px_per_mm), _tone_curve(rng)), rng)
    return jpeg(_sharpen(picture, rng), int(rng.uniform(55, 97)))


def overlay(front: np.ndarray, back: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`front` over `back`, both (H, W, 3) uint8, where `alpha` (H, W) uint8 is 255."""
    cover = alpha.astype(np.float32) / np.float32(255)
    return cv2.blendLinear(front, back, cover, 1 - cover)


def lit(albedo: np.ndarray, light: np.ndarray) -> np.ndarray:
    """`albedo` (H, W, 3) uint8 under `light` (H, W, 3) float32, 1 showing white paper as `WHITE`; uint8."""
    return cv2.multiply(albedo, light, scale=WHITE / 255, dtype=cv2.CV_8U)


def white_balance(rng: np.random.Generator) -> np.ndarray:
    """Gains (3,) float32 between bluish and yellowish light, a little green or magenta."""
    warm, green = rng.normal(0.01, 0.045), rng.normal(0, 0.015)
    return np.array([1 + warm, 1 + green, 1 - 1.3 * warm], np.float32)


def _defocus(scene: np.ndarray, rng: np.random.Generator, px_per_mm: float) -> np.ndarray:
    """Lens blur of 0.4 to 1.3 px and up to 0.12 mm, sometimes a shake of the hand."""
    sigma = np.hypot(rng.uniform(0.35, 0.9), px_per_mm * 0.12 * rng.beta(1, 3))
    scene = cv2.GaussianBlur(scene, (0, 0), sigma)
    if rng.random() < 0.15:
        reach = noise.log_uniform(rng, 0.5, 1.5)
        angle = rng.uniform(0, np.pi)
        t = np.linspace(-2, 2, 9)[:, None, None]
        rows, cols = np.mgrid[-3:4, -3:4]
        spots = (cols - t * reach * np.cos(angle)) ** 2 + (rows - t * reach * np.sin(angle)) ** 2
        kernel = np.exp(-spots / 0.5).sum(0)
        scene = cv2.filter2D(scene, -1, (kernel / kernel.sum()).astype(np.float32))
    return scene


def _tone_curve(rng: np.random.Generator) -> np.ndarray:
    """256 bytes: stray light in the lens, then a phone's curve with roll-off near white and contrast in the middle."""
    flare = rng.uniform(0.0, 0.12)
    light = np.arange(256) / WHITE * (1 - flare) + flare * 0.8
    knee = rng.uniform(0.75, 0.95)
    curve = np.where(light < knee, light, knee + (1 - knee) * np.tanh((light - knee) / (1 - knee)))
    curve = np.power(curve, np.exp(rng.normal(0, 0.15)))
    s = rng.uniform(-0.1, 0.3)
    return np.clip(255 * (curve * (1 - s) + s * curve**2 * (3 - 2 * curve)), 0, 255).astype(np.uint8)


def _add_noise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey grain, sometimes smeared by the phone's denoising, and coarser blotches of colour."""
    sigma = np.float32(255 * noise.log_uniform(rng, 0.004, 0.035))
    shape = picture.shape[:2]
    grain = noise.tiled(rng, shape, noise.log_uniform(rng, 1, 2)) * sigma
    chroma = [noise.tiled(rng, shape, 3) * sigma * np.float32(0.6) for _ in range(3)]
    return cv2.add(picture, cv2.merge([(c + grain).astype(np.int16) for c in chroma]), dtype=cv2.CV_8U)


def _sharpen(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    amount = max(0.0, rng.uniform(-0.4, 1.2))
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 2.0))
    return cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """`picture` after JPEG compression."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None, "just encoded"
    return decoded


def ink_grain(page: np.ndarray, rng: np.random.Generator, strength: float, tint: np.ndarray) -> np.ndarray:
    """`page` (H, W, 3) uint8 as a printer lays it down: density times `tint`, uneven by `strength`."""
    grain = 1 + noise.tiled(rng, page.shape[:2], noise.log_uniform(rng, 1, 3)) * np.float32(strength)
    gain = cv2.merge([np.clip(grain * np.float32(128 * t), 0, 255).astype(np.uint8) for t in tint])
    return cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(page), gain, scale=1 / 128))


def _bell(rng: np.random.Generator) -> float:
    """Between -1 and 1, mostly small."""
    return float(np.clip(rng.normal(0, 0.4), -1, 1))
