"""Moiré that a halftone screen puts into coloured lines is told from paper that bends."""

import numpy as np

from ecgpipe.rectify.halftone import find_moire


def wandering(moire_mm: float, noise_mm: float = 0.002) -> tuple[np.ndarray, np.ndarray]:
    """Lines (46, 58) of a bent and creased sheet, and their sinusoid."""
    lines = np.arange(58)
    moire = moire_mm * np.cos(2 * np.pi * 0.314 * lines + 0.7)
    y, x = np.mgrid[:46, :58]
    sheet = 0.002 * (x - 30) ** 2 / 30 + 0.05 * np.maximum(x - 2 * y / 3 - 10, 0) + 0.3 * np.sin(y / 9)
    return sheet + moire + np.random.default_rng(5).normal(0, noise_mm, x.shape), moire


def test_halftone_moire_is_told_from_paper_that_bends():
    measured, moire = wandering(0.015)
    found = find_moire(measured, np.ones_like(measured))
    assert np.abs(found - moire)[3:-3].max() < 0.0015  # 0.0009


def test_a_sheet_without_moire_keeps_its_shape():
    measured, _ = wandering(0.0)
    assert np.abs(find_moire(measured, np.ones_like(measured))).max() < 0.0005  # 0.0001


def test_lines_that_nobody_saw_have_no_moire():
    measured, _ = wandering(0.015)
    assert not find_moire(measured, np.zeros_like(measured)).any()
