"""From noisy misfits to one sheet: a smooth surface by weighted least squares, as stiff as the sheet proves to be."""

from functools import cache
from math import comb

import numpy as np
from scipy import sparse
from scipy.linalg import solveh_banded

ORDER = 3  # of the differences that cost: a curled sheet may bend steadily for nothing
STIFFNESSES = (0.1, 1.0, 10.0, 100.0, 1e4)
TOLERANCE = 1.07  # the stiffest surface is taken whose error at lines left out is within this of the least
MOST_ERROR_MM = 0.15  # no single node counts for more in that comparison
WEAK = 1e-3  # weight of what was not seen


def smooth(
    target: np.ndarray, weight: np.ndarray, stiffness: float, *, scale: float = np.inf, rounds: int = 1
) -> np.ndarray:
    """Surface through `target` (rows, cols) with `weight` (rows, cols); outliers past `scale` lose their say.

    Minimises Σ w (u - t)² + stiffness Σ |third differences of u|², the weights divided by 1 + (residual / scale)²
    after each round but the last (Cauchy's estimator).
    """
    say = weight + WEAK
    for left in reversed(range(rounds)):
        surface = _solve(target, say, stiffness)
        if left:
            say = (weight + WEAK) / (1.0 + ((target - surface) / scale) ** 2)
    return surface


def best_stiffness(target: np.ndarray, weight: np.ndarray, axis: int) -> float:
    """The stiffness that foretells every other line of `target` (rows, cols) best from the lines between them.

    The lines are rows (`axis` 0) or columns (1): each was measured for itself, but as a whole. Where several do nearly
    as well, the stiffest.
    """
    index = np.indices(target.shape)[axis]
    errors = []
    for stiffness in STIFFNESSES:
        total = 0.0
        for fold in (0, 1):
            left_out = index % 2 == fold
            surface = _solve(target, np.where(left_out, WEAK, weight + WEAK), stiffness)
            off = np.minimum(np.abs(target - surface), MOST_ERROR_MM)
            total += (off**2 * weight)[left_out].sum()
        errors.append(total)
    good = np.array(errors) <= TOLERANCE**2 * min(errors)
    return STIFFNESSES[int(np.flatnonzero(good)[-1])]


def _solve(target: np.ndarray, weight: np.ndarray, stiffness: float) -> np.ndarray:
    bands = stiffness * _bending(target.shape)
    bands[0] += weight.T.ravel()
    right = (weight * target).T.ravel()
    return solveh_banded(bands, right, lower=True, check_finite=False).reshape(target.shape[::-1]).T


@cache
def _bending(shape: tuple[int, int]) -> np.ndarray:
    """Σ |differences of ORDER|² as a matrix over the columns one after the other, its lower diagonals (bands, n)."""
    rows, cols = shape
    matrix = 0.0
    for along in range(ORDER + 1):
        part = sparse.kron(_difference(cols, along), _difference(rows, ORDER - along)).tocsr()
        matrix = matrix + comb(ORDER, along) * (part.T @ part)
    diagonals = sparse.dia_array(matrix)
    bands = np.zeros((ORDER * rows + 1, rows * cols))
    for offset, values in zip(diagonals.offsets, diagonals.data, strict=True):
        if offset <= 0:
            bands[-offset, : rows * cols + offset] = values[: rows * cols + offset]
    bands.flags.writeable = False
    return bands


def _difference(count: int, order: int) -> sparse.csr_array:
    matrix = sparse.eye_array(count, format="csr")
    for n in range(count, count - order, -1):
        matrix = sparse.diags_array([-np.ones(n - 1), np.ones(n - 1)], offsets=[0, 1], shape=(n - 1, n)) @ matrix
    return matrix
