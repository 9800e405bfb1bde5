# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the functions with which NumPy pickles its arrays, for `safe_pickle`.

Each takes what the pickle would have handed to NumPy, checks it, and makes the array itself: numbers only, and only
where shape x item size is exactly the number of bytes present. Nothing is allocated on a file's word.
Source of the layout: `ndarray.__reduce__`, `dtype.__reduce__` and their `__setstate__` (NumPy reference).
"""

import math
import re
from typing import Any

import numpy as np

_NUMBER = re.compile(r"b1|[iu][1248]|f[248]|c8|c16")
_MAX_DIMS = 32


class Refused(ValueError):
    """The pickle holds something that is not read; the message says what."""


def shown(value: Any) -> str:
    """A text from a file, fit for a message; other values by type only, for they may be endless when printed."""
    value = value.decode("latin-1") if isinstance(value, bytes) else value
    return value[:80] if isinstance(value, str) else f"<{type(value).__name__}>"


class Shell:
    """An object that a pickle makes in two steps: a call, then `build(state)`, whose result replaces it."""

    built: Any = None

    def build(self, state: Any) -> Any:
        """Check `state` and return the finished object."""
        raise NotImplementedError


class DtypeShell(Shell):
    """A dtype under construction; `build` receives (version, byte order, ...)."""

    def __init__(self, code: Any):
        if not _NUMBER.fullmatch(shown(code)):
            raise Refused(f"array items of type {shown(code)}, only plain numbers are read")
        self.code = shown(code)

    def build(self, state: Any) -> np.dtype:
        """Return the dtype in the byte order that `state` gives."""
        order = shown(state[1])
        if order not in ("<", ">", "|", "="):
            raise Refused(f"byte order {order}")
        # Fields, subarrays and metadata (2, 3, 4 and 8 of the state) make a structured dtype.
        if any(part is not None for part in state[2:5]):
            raise Refused("structured array items, only plain numbers are read")
        return np.dtype(order + self.code)


class ArrayShell(Shell):
    """An array under construction; `build` receives (version, shape, dtype, is Fortran order, bytes)."""

    def build(self, state: Any) -> np.ndarray:
        """Return the array, read-only, sharing memory with the pickle's bytes."""
        _, shape, dtype, fortran, raw = state
        raw = _raw(raw, dtype)
        if not (isinstance(shape, tuple) and len(shape) <= _MAX_DIMS and all(type(n) is int and n >= 0 for n in shape)):
            raise Refused("an array shape that is none")
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise Refused(f"an array of shape {shape} and {dtype} in {len(raw)} bytes")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


def _raw(raw: Any, dtype: Any) -> bytes:
    if not isinstance(dtype, np.dtype) or not isinstance(raw, bytes):
        raise Refused("an array without its bytes (items that are objects are not read)")
    return raw


def _reconstruct(_kind: Any, _shape: Any, _code: Any) -> ArrayShell:
    return ArrayShell()  # shape and type follow in the state; those given here are dummies


def _dtype(code: Any, _align: Any = 0, _copy: Any = 1) -> DtypeShell:
    return DtypeShell(code)


def _scalar(dtype: Any, raw: Any) -> np.generic:
    raw = _raw(raw, dtype)
    if len(raw) != dtype.itemsize:
        raise Refused(f"a {dtype} in {len(raw)} bytes")
    return np.frombuffer(raw, dtype)[0]


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused(f"text in encoding {shown(encoding)}")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """How Python 3 writes empty bytes in protocol 2."""
    return b""


NUMPY_GLOBALS = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    **{
        (f"{package}.multiarray", name): function
        for package in ("numpy.core", "numpy._core")
        for name, function in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
}
