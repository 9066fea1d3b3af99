"""Symmetric band matrices, solved on two threads at once and without SciPy, whose import takes a third of a second."""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np


def solve_banded(bands: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution (n,) of a positive definite system, of which `bands` (m, n) has the lower diagonals, the main one
    first. LinAlgError if it is not positive definite.

    By dpbsv of the LAPACK that NumPy has loaded, beside which other threads run; where that is not to be found, by
    `scipy.linalg.solveh_banded`, which holds them up.
    """
    assert right.shape == bands.shape[1:]
    dpbsv = _dpbsv()
    if not dpbsv:
        from scipy.linalg import solveh_banded

        return solveh_banded(bands, right, lower=True, check_finite=False)
    factored = np.array(bands, np.float64, order="F")
    solution = np.array(right, np.float64)
    # As 64-bit integers, of which a LAPACK of 32-bit ones reads the lower half: it comes first on today's machines.
    order, below, one, height, info = map(ctypes.c_int64, (len(right), len(bands) - 1, 1, len(bands), 0))
    matrix, vector = (ctypes.c_void_p(each.ctypes.data) for each in (factored, solution))
    at = ctypes.byref
    dpbsv(b"L", at(order), at(below), at(one), matrix, at(height), vector, at(order), at(info), 1)
    if info.value:
        raise np.linalg.LinAlgError(f"the leading minor of order {info.value} is not positive")
    return solution


@cache
def _dpbsv() -> Callable[..., None] | None:
    """LAPACK's routine, by one of the names that builds of NumPy have for it."""
    try:
        loaded = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # finds what the LAPACK it is linked to exports as well
    except (AttributeError, OSError):
        return None
    names = (name for name in ("scipy_dpbsv_64_", "dpbsv_64_", "dpbsv_") if hasattr(loaded, name))
    return next((getattr(loaded, name) for name in names), None)
