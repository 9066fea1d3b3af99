"""Symmetric band matrices, solved on two threads at once: SciPy's own wrapper of LAPACK lets no other thread run."""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

_INTEGER = ctypes.POINTER(ctypes.c_int)


def solve_banded(bands: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution (n,) of a positive definite system, of which `bands` (m, n) has the lower diagonals, the main one
    first. LinAlgError if it is not positive definite.

    LAPACK's dpbsv, as `scipy.linalg.solveh_banded` calls it, without its checks.
    """
    assert right.shape == bands.shape[1:]
    factored = np.array(bands, np.float64, order="F")
    solution = np.array(right, np.float64)
    order, below = ctypes.c_int(len(right)), ctypes.c_int(len(bands) - 1)
    one, height, info = ctypes.c_int(1), ctypes.c_int(len(bands)), ctypes.c_int()
    _dpbsv()(b"L", order, below, one, factored.ctypes.data, height, solution.ctypes.data, order, info)
    if info.value:
        raise np.linalg.LinAlgError(f"the leading minor of order {info.value} is not positive")
    return solution


@cache
def _dpbsv() -> Callable[..., None]:
    """LAPACK's routine itself, out of the table that SciPy has for Cython."""
    from scipy.linalg import cython_lapack  # takes a third of a second, in which a grid can be found

    capsule = cython_lapack.__pyx_capi__["dpbsv"]
    python = ctypes.pythonapi
    python.PyCapsule_GetName.restype, python.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    python.PyCapsule_GetPointer.restype = ctypes.c_void_p
    python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = python.PyCapsule_GetName(capsule)
    assert signature.startswith(b"void (char *, int *"), f"SciPy's LAPACK has {signature!r}, expected 32-bit integers"
    address = python.PyCapsule_GetPointer(capsule, signature)
    integers, data = [_INTEGER] * 3, ctypes.c_void_p
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p, *integers, data, _INTEGER, data, _INTEGER, _INTEGER)(address)
