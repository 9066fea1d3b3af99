"""How far the lines of a grid are off, told by their Fourier coefficients."""

import numpy as np
import pytest

from ecgpipe.page.geometry import lattice_mm
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.line_phase import LineSearch, measure_lines
from ecgpipe.rectify.mesh import GridMesh


@pytest.mark.parametrize("harmonics, px_per_mm, within_mm", [(3, 3.2, 0.08), (4, 3.2, 0.08), (12, 6.4, 0.01)])
def test_measure_tells_how_far_the_lines_are_off(harmonics, px_per_mm, within_mm):
    offset_mm = np.array([0.4, -0.7])
    points = lattice_mm(KIT, 5.0)
    mesh = GridMesh(points * 6.0, 5.0, np.zeros(2))
    y, x = np.mgrid[: int(220 * 6.0), : int(280 * 6.0)] / 6.0
    off = np.stack([x, y], axis=-1) - offset_mm
    dark = np.exp(-0.5 * (np.abs(off - 5.0 * np.round(off / 5.0)) / 0.15) ** 2).max(axis=-1).astype(np.float32)
    residuals = measure_lines(mesh, dark, LineSearch(4.0, harmonics=harmonics, px_per_mm=px_per_mm))
    inner = slice(4, -4)
    assert residuals.weight[inner, inner].min() > 0.99
    assert np.abs(residuals.offset_mm[inner, inner] - offset_mm).max() < within_mm


def test_measure_is_not_pulled_by_a_bar_beside_a_line_that_is_left_out():
    mesh = GridMesh(lattice_mm(KIT, 5.0) * 6.0, 5.0, np.zeros(2))
    y, x = np.mgrid[: int(220 * 6.0), : int(280 * 6.0)] / 6.0
    off = np.stack([x, y], axis=-1)
    dark = np.exp(-0.5 * (np.abs(off - 5.0 * np.round(off / 5.0)) / 0.15) ** 2).max(axis=-1).astype(np.float32)
    bar = (np.abs(x - 100.6) < 0.35) & (np.abs(y - 100.0) < 8.0)
    errors = []
    for ink in (1.0, np.nan):
        seen = np.where(bar, np.float32(ink), dark)
        residuals = measure_lines(mesh, seen, LineSearch(1.5, harmonics=12, px_per_mm=6.4))
        errors.append(np.abs(residuals.offset_mm[20, 20, 0]))
    pulled, left_out = errors
    assert left_out < 0.001 < 0.6 < pulled  # 0.00002, 0.69
