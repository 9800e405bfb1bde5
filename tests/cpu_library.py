# SPDX-License-Identifier: Apache-2.0
"""What the tests of the CPU kernels share."""

import ctypes
from functools import lru_cache

import numpy as np
import pytest

from adabin.cpu.library import LibraryError, find_compiler, library_path, tell_threads


def _compiler_is_installed():
    try:
        return bool(find_compiler())
    except LibraryError:
        return False


# Only a missing compiler is a reason to skip: kernels that do not compile must fail.
needs_kernels = pytest.mark.skipif(not _compiler_is_installed(), reason="needs a C++ compiler for the CPU kernels")


@lru_cache(maxsize=1)
def library():
    """The compiled kernels."""
    tell_threads()
    return ctypes.CDLL(library_path())


def call(name, inputs, output_shapes):
    """Call an operator of the library directly, as MindSpore would.

    Args:
        name (str): its function.
        inputs: arrays, float32 or int32.
        output_shapes: of the float32 results.

    Returns:
        list of arrays; they start as nan, so that what is not written shows.
    """
    inputs = [np.ascontiguousarray(value) for value in inputs]
    outputs = [np.full(shape, np.nan, np.float32) for shape in output_shapes]
    arrays = inputs + outputs
    count = len(arrays)
    shapes = [(ctypes.c_int64 * max(1, a.ndim))(*a.shape) for a in arrays]
    pointers = [ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)) for shape in shapes]
    status = getattr(library(), name)(
        count,
        (ctypes.c_void_p * count)(*[a.ctypes.data for a in arrays]),
        (ctypes.c_int * count)(*[a.ndim for a in arrays]),
        (ctypes.POINTER(ctypes.c_int64) * count)(*pointers),
        (ctypes.c_char_p * count)(*[str(a.dtype).encode() for a in arrays]),
        None,
        None,
    )
    assert status == 0, f"{name} returned {status}"
    return outputs
