"""From noisy misfits to one smooth sheet: a thin plate by weighted least squares."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu


def smooth(target: np.ndarray, weight: np.ndarray, stiffness: float, *, scale: float, rounds: int = 2) -> np.ndarray:
    """Thin plate through `target` (rows, cols, k) with `weight` (rows, cols, k); outliers past `scale` lose their say.

    Minimises Σ w |u - t|² + stiffness Σ |second differences of u|² per component, the weights divided by
    1 + (residual / scale)² after each round (Cauchy's estimator).
    """
    shape = target.shape[:2]
    bending = sum(_second(shape, axis).T @ _second(shape, axis) for axis in (0, 1))
    mixed = _mixed(shape)
    bending = stiffness * (bending + 2.0 * mixed.T @ mixed) + 1e-7 * sparse.eye(shape[0] * shape[1])
    result = np.empty_like(target, dtype=np.float64)
    for k in range(target.shape[2]):
        goal, say = target[..., k].ravel(), weight[..., k].ravel()
        current = say
        for _ in range(rounds):
            fit = _solve(bending + sparse.diags(current), current * goal)
            current = say / (1.0 + ((goal - fit) / scale) ** 2)
        result[..., k] = fit.reshape(shape)
    return result


def _solve(matrix: sparse.spmatrix, right: np.ndarray) -> np.ndarray:
    """Solution (n, k) of a symmetric positive definite system: no pivoting, an ordering for symmetric patterns."""
    factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factors.solve(right)


def _second(shape: tuple[int, int], axis: int) -> sparse.csr_matrix:
    count = shape[axis]
    along = sparse.diags(
        [np.ones(count - 2), -2 * np.ones(count - 2), np.ones(count - 2)], [0, 1, 2], shape=(count - 2, count)
    )
    return sparse.kron(along, sparse.eye(shape[1])) if axis == 0 else sparse.kron(sparse.eye(shape[0]), along)


def _mixed(shape: tuple[int, int]) -> sparse.csr_matrix:
    rows, cols = (sparse.diags([-np.ones(n - 1), np.ones(n - 1)], [0, 1], shape=(n - 1, n)) for n in shape)
    return sparse.kron(rows, cols)
