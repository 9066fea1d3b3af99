"""Lines measured piece by piece: as exact as asked for, undisturbed by what covers them, and silent where none is."""

import numpy as np
import pytest

from ecgpipe.page.geometry import lattice_mm
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.line_localisation import localise_lines
from ecgpipe.rectify.mesh import GridMesh
from ecgpipe.rectify.snapping import Snapping

PX_PER_MM = 8.0
MESH = GridMesh(lattice_mm(KIT, 5.0) * PX_PER_MM, 5.0, np.zeros(2))
ROWS, COLS = MESH.nodes.shape[:2]
REGULAR = Snapping(np.zeros(COLS), np.zeros(ROWS), (0.0, 0.0), (0, 0))
Y, X = np.mgrid[: int(220 * PX_PER_MM), : int(280 * PX_PER_MM)] / PX_PER_MM
INNER = (slice(3, -3), slice(3, -3))


def lines(x: np.ndarray, y: np.ndarray, step_mm: float = 5.0, width_mm: float = 0.12) -> np.ndarray:
    """Contrast of lines where `x` and `y` in mm are multiples of `step_mm`."""
    off = np.stack([x - step_mm * np.round(x / step_mm), y - step_mm * np.round(y / step_mm)])
    return np.exp(-0.5 * (off / width_mm) ** 2).max(axis=0).astype(np.float32)


def test_lines_that_wander_are_followed():
    true_x = 0.05 * np.sin(2 * np.pi * Y / 60.0)
    noise = np.random.default_rng(0).normal(0, 0.03, X.shape).astype(np.float32)
    residuals = localise_lines(MESH, lines(X - true_x, Y) + noise, REGULAR)
    expected = 0.05 * np.sin(2 * np.pi * MESH.points_mm[..., 1] / 60.0)
    assert np.abs(residuals.offset_mm[..., 0] - expected)[INNER].max() < 0.007  # 0.005
    assert np.abs(residuals.offset_mm[..., 1])[INNER].max() < 0.004  # 0.002
    assert residuals.weight[INNER].min() > 0.99


def test_what_the_print_is_known_to_have_off_is_no_misfit():
    printed = Snapping(np.full(COLS, 0.06), np.full(ROWS, -0.05), (1.0, 1.0), (0, 0))
    residuals = localise_lines(MESH, lines(X - 0.06, Y + 0.05), printed)
    assert np.abs(residuals.offset_mm[INNER]).max() < 0.0025  # 0.0017


@pytest.mark.parametrize("beside_mm", [0.4, 0.9])
def test_a_wave_beside_a_line_leaves_it_its_place_and_its_weight(beside_mm):
    wave = (np.abs(X - 100.0 - beside_mm) < 0.2) & (np.abs(Y - 100.0) < 8.0)
    residuals = localise_lines(MESH, np.where(wave, np.nan, lines(X - 0.02, Y)), REGULAR)
    assert residuals.offset_mm[20, 20, 0] == pytest.approx(0.02, abs=0.001)
    assert residuals.weight[20, 20, 0] > 0.99


def test_a_wave_upon_a_line_leaves_it_what_is_seen_above_and_below():
    wave = (np.abs(X - 100.0) < 1.0) & (np.abs(Y - 100.0) < 2.0)
    residuals = localise_lines(MESH, np.where(wave, np.nan, lines(X - 0.02, Y)), REGULAR)
    assert residuals.offset_mm[20, 20, 0] == pytest.approx(0.02, abs=0.001)
    assert 0.05 < residuals.weight[20, 20, 0] < 1.0


def test_a_line_covered_far_and_wide_has_no_weight():
    stain = (np.abs(X - 100.0) < 1.0) & (np.abs(Y - 100.0) < 15.0)
    residuals = localise_lines(MESH, np.where(stain, np.nan, lines(X, Y)), REGULAR)
    assert residuals.weight[20, 20, 0] == 0.0


def test_a_paler_line_of_the_fine_grid_is_not_taken_for_one_of_the_boxes():
    fine = np.maximum(lines(X, Y), 0.3 * lines(X, Y, step_mm=1.0))
    slipped = MESH.moved(MESH.nodes + np.where(np.arange(COLS) == 20, PX_PER_MM, 0.0)[None, :, None] * (1, 0))
    residuals = localise_lines(slipped, fine, REGULAR)
    assert residuals.weight[3:-3, 20, 0].max() == 0.0


@pytest.mark.parametrize("dark", [np.zeros(X.shape, np.float32), np.full(X.shape, np.nan, np.float32)])
def test_bare_or_hidden_paper_has_no_lines(dark):
    assert localise_lines(MESH, dark, REGULAR).weight.max() == 0.0


def test_nothing_but_noise_still_gives_numbers():
    noise = np.abs(np.random.default_rng(1).normal(0, 0.1, X.shape)).astype(np.float32)
    residuals = localise_lines(MESH, noise, REGULAR)
    assert np.isfinite(residuals.offset_mm).all()
    assert np.isfinite(residuals.weight).all()
