# SPDX-License-Identifier: Apache-2.0
"""Models and sessions of the C++ engine, NumPy arrays in and out.

    with Model("net.adabin") as model, model.session(threads=2) as session:
        (scores,) = session.run(images)                 # float32 (N, C, H, W), normalized

A model may be used by any number of threads; each has sessions of its own, which then run at the same time, for a call
leaves Python's lock to others. Threads and sessions change no bit of a result.
"""

import contextlib
import ctypes
import operator
import os
import threading
import weakref
from typing import NamedTuple

import numpy as np

from adabin.engine.library import FLOAT32, UINT8, Buffer, load
from adabin.utils.errors import UserError
from adabin.utils.threads import default_threads

INT, SIZE = 2**31 - 1, 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1  # the largest that C takes


class Tensor(NamedTuple):
    """An input or output: its name and its shape, of which the first entry, the number of samples, is None."""

    name: str
    shape: tuple


class _Owned:
    """An object of the library, released by `close`, at the end of a `with`, or with the last reference to it."""

    def _own(self, library, release, handle):
        self._library, self._handle = library, handle.value
        self._lock, self._users, self._closing = threading.Lock(), 0, False
        self._finalizer = weakref.finalize(self, release, handle.value)

    def _open(self):
        if self._closing or not self._finalizer.alive:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._handle

    @contextlib.contextmanager
    def _in_use(self):
        """The handle, which another thread's `close` does not release before the end of the `with`."""
        with self._lock:
            handle = self._open()
            self._users += 1
        try:
            yield handle
        finally:
            with self._lock:
                self._users -= 1
                if self._closing and not self._users:
                    self._finalizer()

    def close(self):
        """Release it now, or where another thread is using it when that is done; closing again does nothing."""
        with self._lock:
            self._closing = True
            if not self._users:
                self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Model(_Owned):
    """A network, laid out for this processor, that sessions share.

    Args:
        source: path of an .adabin or .mindir file, or the content of one as bytes.
        kernel (str): what runs binary layers: auto, or one of `adabin_infer --list_kernels`.
        device (str): what runs the network, one of `adabin_infer --list_devices`. Reference is slow, computes every
            operator by its formula in double, and is there to compare others with.

    Attributes:
        inputs, outputs (tuple of Tensor): of the network.
        description (str): what export.py says of the network, YAML, which a packed file holds and which lies beside a
            MindIR; "" where there is none.
        metadata (dict): what it holds, all texts, the elements of a list one per line.
        steps (tuple of str): its passes over memory, in words.
        kernel (str): what was chosen.
        binary_layers, packed_layers (int): of the network, and of these those that run in one-bit arithmetic.

    Raises:
        UserError: the library is missing, or the file cannot be used.
    """

    def __init__(self, source, kernel="auto", device="CPU"):
        library, handle, options = load(), ctypes.c_void_p(), ctypes.c_void_p()
        library.adabin_model_options_create(ctypes.byref(options))
        try:
            library.adabin_model_options_set_device(options, device.encode(), 0)
            library.adabin_model_options_set_kernel(options, kernel.encode())
            if isinstance(source, bytes):
                library.adabin_model_load_bytes(source, len(source), options, ctypes.byref(handle))
            else:
                library.adabin_model_load(os.fsencode(source), options, ctypes.byref(handle))
        finally:
            library.adabin_model_options_release(options)
        self._own(library, library.adabin_model_release, handle)
        self.inputs, self.outputs = self._tensors("input"), self._tensors("output")
        steps = range(library.adabin_model_step_count(handle))
        self.steps = tuple(self._text("step", index) for index in steps)
        self.description = (library.adabin_model_description(handle) or b"").decode(errors="replace")
        entries = range(library.adabin_model_metadata_count(handle))
        self.metadata = {self._text("metadata_key", i): self._text("metadata_value", i) for i in entries}
        self.kernel = library.adabin_model_kernel(handle).decode()
        self.binary_layers = library.adabin_model_binary_layers(handle)
        self.packed_layers = library.adabin_model_packed_layers(handle)

    def _text(self, name, index):
        return getattr(self._library, f"adabin_model_{name}")(self._open(), index).decode(errors="replace")

    def _tensors(self, side):
        def shape(index):
            dims = ctypes.POINTER(ctypes.c_int64)()
            rank = getattr(self._library, f"adabin_model_{side}_dims")(self._open(), index, ctypes.byref(dims))
            return (None, *dims[1:rank])

        count = getattr(self._library, f"adabin_model_{side}_count")(self._open())
        return tuple(Tensor(self._text(f"{side}_name", index), shape(index)) for index in range(count))

    def session(self, **options):
        """A `Session` of this model; arguments as there."""
        return Session(self, **options)

    def session_bytes(self, samples=1, **options):
        """Bytes that a session with these options will have allocated after runs of up to `samples` samples."""
        count = ctypes.c_size_t()
        samples = _within("samples", samples, 0, SIZE)
        with _SessionOptions(self._library, **options) as given:
            self._library.adabin_model_session_bytes(self._open(), given, samples, ctypes.byref(count))
        return count.value


def _within(name, value, low, high):
    """A whole number that fits where C takes it: ctypes would take what is left of it modulo 2^32 or 2^64.

    Raises:
        UserError: it is none, or does not fit.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise UserError(f"{name}: {value!r} is no whole number") from None
    if not low <= number <= high:
        raise UserError(f"{name} {number}: is not within {low} and {high}")
    return number


class _SessionOptions:
    """Context with the library's object for the keywords of `Session`."""

    def __init__(self, library, threads=0, profile=False, pixels=False, normalization=None, memory_limit=0):
        self.library, self.handle = library, ctypes.c_void_p()
        library.adabin_session_options_create(ctypes.byref(self.handle))
        try:
            library.adabin_session_options_set_threads(
                self.handle, _within("threads", threads, -INT, INT) or default_threads()
            )
            library.adabin_session_options_set_profile(self.handle, profile)
            library.adabin_session_options_set_input_type(self.handle, UINT8 if pixels else FLOAT32)
            library.adabin_session_options_set_memory_limit(self.handle, _within("memory_limit", memory_limit, 0, SIZE))
            if normalization is not None:
                mean, std = (np.ascontiguousarray(part, np.float32) for part in normalization)
                if mean.shape != std.shape or mean.ndim != 1:
                    raise UserError("normalization: takes a mean and a std for each channel")
                pointers = (part.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for part in (mean, std))
                library.adabin_session_options_set_normalization(self.handle, *pointers, len(mean))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        self.library.adabin_session_options_release(self.handle)


class Session(_Owned):
    """Memory and threads for runs of a model. One thread at a time may run it.

    Args:
        model (Model): may be closed before the session.
        threads (int): 1 to 256; 0: the project's rule (adabin.utils.threads). The device Reference takes one.
        profile (bool): measure every step; samples then run one after the other.
        pixels (bool): the input, the only one, is uint8 (N, H, W, C), normalized by the session.
        normalization: (mean, std) of the channels for pixels in 0..1; None: of the model's metadata.
        memory_limit (int): bytes that it may allocate; 0: 1 GiB for a sample, 4 GiB for all threads.

    Raises:
        UserError: an option cannot be met.
    """

    def __init__(self, model, **options):
        handle, library = ctypes.c_void_p(), model._library
        with _SessionOptions(library, **options) as given:
            library.adabin_session_create(model._open(), given, ctypes.byref(handle))
        self._own(library, library.adabin_session_release, handle)
        self.threads = library.adabin_session_threads(handle)
        self._steps, self._outputs = model.steps, model.outputs
        pixels = options.get("pixels", False)
        self._dtype = np.dtype(np.uint8 if pixels else np.float32)
        self._inputs = tuple(
            Tensor(name, (None, *shape[2:], shape[1]) if pixels else shape) for name, shape in model.inputs
        )

    def run(self, *inputs, out=None):
        """Outputs, a tuple of arrays float32 (N, ...), of the network's inputs, each (N, ...) as its shape says.

        Args:
            inputs: float32, or uint8 where the session takes pixels. They are read where they lie; only an array whose
                elements are not in order is copied.
            out (tuple of arrays): float32, in order, of the outputs' shapes, that the outputs are written to and which
                is returned; None: new ones.

        Raises:
            UserError: an array has another type or shape.
        """
        arrays = [np.ascontiguousarray(array) for array in inputs]
        samples = len(arrays[0]) if arrays and arrays[0].ndim else 0
        _check(self._inputs, arrays, samples, self._dtype, "input")
        if out is None:
            out = tuple(np.empty((samples, *shape[1:]), np.float32) for _, shape in self._outputs)
        _check(self._outputs, out, samples, np.dtype(np.float32), "output")
        if not all(array.flags.c_contiguous and array.flags.writeable for array in out):
            raise UserError("out: an array cannot be written to in order; give contiguous, writable ones")
        with self._in_use() as handle:
            if samples:
                given, taken = _buffers(arrays), _buffers(out)
                self._library.adabin_session_run(handle, samples, given, len(given), taken, len(taken))
        return tuple(out)

    def profile(self):
        """[(step in words, its median milliseconds)] of the runs so far; zeros without `profile`."""
        milliseconds = self._library.adabin_session_step_milliseconds
        with self._in_use() as handle:
            return [(step, milliseconds(handle, index)) for index, step in enumerate(self._steps)]


def _buffers(arrays):
    return (Buffer * len(arrays))(*((array.ctypes.data, array.nbytes) for array in arrays))


def _check(tensors, arrays, samples, dtype, what):
    """Refuse arrays that are not (samples, ...) of the tensors' shapes and of the type `dtype`."""
    if len(arrays) != len(tensors):
        raise UserError(f"the network has {len(tensors)} {what}s, not {len(arrays)}")
    for (name, shape), array in zip(tensors, arrays, strict=True):
        expected = (samples, *shape[1:])
        if array.shape != expected or array.dtype != dtype:
            words = ", ".join(map(str, ("N", *shape[1:])))
            raise UserError(f"{name}: is {array.dtype} {array.shape}, the network's is {dtype} ({words})")
