"""One smooth sheet through noisy residuals: penalised least squares, its smoothing weight by cross-validation."""

from dataclasses import dataclass
from functools import cache
from itertools import product
from math import comb

import numpy as np

from ecgpipe.base.banded import solve_banded

# Names in quotes are sections of docs/log.md.
ORDER = 3  # of the differences penalised: a steady curl costs nothing; better than 2 ("Where the lines are printed")
SMOOTHING_WEIGHTS = (0.1, 1.0, 1e4)  # crumpled, bent and flat sheets; the choices that are left ("Folds")
CREASE_MM = 0.02  # third difference that halves its own penalty; 0.01 to 0.02 tried ("Folds"; "Measured closer")
TOLERANCE = 1.07  # of the least cross-validated error: the smoothest sheet within it ("Where the lines are printed")
MOST_ERROR_MM = 0.15  # at which a node's cross-validated error is clipped; not swept
UNSEEN_WEIGHT = 1e-3  # of a node whose line was not seen; 1e-6 to 1e-2 do as well ("Measured closer", "Strokes")


@dataclass(frozen=True)
class RobustFit:
    """How a sheet is fitted: in so many `rounds` of reweighted least squares.

    A residual of `outlier_mm` halves the weight of its node, a third difference of `crease_mm` halves its penalty.
    """

    outlier_mm: float = np.inf
    crease_mm: float = CREASE_MM
    rounds: int = 1


LEAST_SQUARES = RobustFit()


def smooth(
    target: np.ndarray, weight: np.ndarray, smoothing_weight: float, fit: RobustFit = LEAST_SQUARES
) -> np.ndarray:
    """Surface through `target` (rows, cols) mm with `weight` (rows, cols), smooth but for creases.

    Minimises Σ w (u - t)² + smoothing_weight · Σ b |third differences of u|². After each round but the last, w is
    divided by 1 + (residual / outlier_mm)² and b is set to 1 / (1 + (difference / crease_mm)²), Cauchy's estimator for
    both. So outliers hardly count, and a fold costs little more than a bend. In each round before the last the outlier
    width is twice as large as in the next, so that nodes beside a fold are not taken for outliers.
    """
    weight = weight + UNSEEN_WEIGHT
    robust, penalty = weight, None
    for left in reversed(range(fit.rounds)):
        surface = _solve(target, robust, smoothing_weight, penalty)
        if left:
            robust = weight / (1.0 + ((target - surface) / (fit.outlier_mm * 2 ** (left - 1))) ** 2)
            penalty = [1.0 / (1.0 + (change / fit.crease_mm) ** 2) for change in _differences(surface)]
    return surface


def best_smoothing_weight(target: np.ndarray, weight: np.ndarray, axis: int) -> float:
    """The smoothing weight with which every other line of `target` (rows, cols) is best predicted from the others.

    Twofold cross-validation. Lines are rows (`axis` 0) or columns (1); they are left out as a whole, because errors
    along a line belong together. Of weights that do nearly as well the largest is taken.
    """
    index = np.indices(target.shape)[axis]
    errors = []
    for smoothing_weight in SMOOTHING_WEIGHTS:
        total = 0.0
        for fold in (0, 1):
            left_out = index % 2 == fold
            surface = _solve(target, np.where(left_out, UNSEEN_WEIGHT, weight + UNSEEN_WEIGHT), smoothing_weight)
            error = np.minimum(np.abs(target - surface), MOST_ERROR_MM)
            total += (error**2 * weight)[left_out].sum()
        errors.append(total)
    good = np.array(errors) <= TOLERANCE**2 * min(errors)
    return SMOOTHING_WEIGHTS[int(np.flatnonzero(good)[-1])]


def _solve(
    target: np.ndarray, weight: np.ndarray, smoothing_weight: float, penalty: list[np.ndarray] | None = None
) -> np.ndarray:
    bands = smoothing_weight * (_normal_bands(penalty) if penalty else _plain_bands(target.shape))
    bands[0] += weight.T.ravel()
    right = (weight * target).T.ravel()
    return solve_banded(bands, right).reshape(target.shape[::-1]).T


def _differences(surface: np.ndarray) -> list[np.ndarray]:
    """The ORDER + 1 differences of ORDER: n times along the rows and the rest along the columns, for n from 0."""
    return [np.diff(np.diff(surface, n, axis=1), ORDER - n, axis=0) for n in range(ORDER + 1)]


@cache
def _plain_bands(shape: tuple[int, int]) -> np.ndarray:
    return _normal_bands([np.ones_like(each) for each in _differences(np.zeros(shape))])


def _normal_bands(weights: list[np.ndarray]) -> np.ndarray:
    """The matrix of Σ weight |differences of ORDER|² in banded form, its lower diagonals (bands, n).

    `weights` has an array for each of `_differences`; the surface is taken column after column.
    """
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
