"""From noisy misfits to one sheet: a smooth surface by weighted least squares, as stiff as the sheet proves to be."""

from functools import cache
from itertools import product
from math import comb

import numpy as np
from scipy.linalg import solveh_banded

ORDER = 3  # of the differences that cost: a curled sheet may bend steadily for nothing
STIFFNESSES = (0.1, 1.0, 1e4)
CREASE_MM = 0.02  # a third difference from which the sheet is taken for folded
TOLERANCE = 1.07  # the stiffest surface is taken whose error at lines left out is within this of the least
MOST_ERROR_MM = 0.15  # no single node counts for more in that comparison
WEAK = 1e-3  # weight of what was not seen


def smooth(
    target: np.ndarray,
    weight: np.ndarray,
    stiffness: float,
    *,
    outlier: float = np.inf,
    crease: float = CREASE_MM,
    rounds: int = 1,
) -> np.ndarray:
    """Surface through `target` (rows, cols) mm with `weight` (rows, cols), with creases where it needs them.

    Minimises Σ w (u - t)² + stiffness Σ b |third differences of u|². After each round but the last, w is divided by
    1 + (residual / `outlier`)² and b set to 1 / (1 + (difference / `crease`)²) (Cauchy's estimator for both): what
    lies far off has little say, and a fold costs little more than a bend. Outliers are told from twice as far each
    round before, lest folds be taken for them.
    """
    say = weight + WEAK
    bend = None
    for left in reversed(range(rounds)):
        surface = _solve(target, say, stiffness, bend)
        if left:
            say = (weight + WEAK) / (1.0 + ((target - surface) / (outlier * 2 ** (left - 1))) ** 2)
            bend = [1.0 / (1.0 + (off / crease) ** 2) for off in _differences(surface)]
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


def _solve(
    target: np.ndarray, weight: np.ndarray, stiffness: float, bend: list[np.ndarray] | None = None
) -> np.ndarray:
    bands = stiffness * (_bending(bend) if bend else _plain_bending(target.shape))
    bands[0] += weight.T.ravel()
    right = (weight * target).T.ravel()
    return solveh_banded(bands, right, lower=True, check_finite=False).reshape(target.shape[::-1]).T


def _differences(surface: np.ndarray) -> list[np.ndarray]:
    """All differences of ORDER: 0 to ORDER times along the rows, the rest along the columns."""
    return [np.diff(np.diff(surface, n, axis=1), ORDER - n, axis=0) for n in range(ORDER + 1)]


@cache
def _plain_bending(shape: tuple[int, int]) -> np.ndarray:
    return _bending([np.ones_like(off) for off in _differences(np.zeros(shape))])


def _bending(weights: list[np.ndarray]) -> np.ndarray:
    """Σ weight |differences of ORDER|² as a matrix over columns one after the other, its lower diagonals (bands, n)."""
    rows, cols = weights[0].shape[0] + ORDER, weights[0].shape[1]
    bands = np.zeros((ORDER * rows + 1, cols, rows))
    for across, weight in enumerate(weights):
        taps = [
            (c, r, _step(across, c) * _step(ORDER - across, r)) for c, r in np.ndindex(across + 1, ORDER - across + 1)
        ]
        for (c1, r1, k1), (c2, r2, k2) in product(taps, taps):
            below = (c1 - c2) * rows + r1 - r2
            if below >= 0:
                part = bands[below, c2 : c2 + weight.shape[1], r2 : r2 + weight.shape[0]]
                part += comb(ORDER, across) * k1 * k2 * weight.T
    return bands.reshape(len(bands), -1)


def _step(order: int, tap: int) -> int:
    """Coefficient `tap` of the difference of `order`."""
    return (-1) ** (order - tap) * comb(order, tap)
