# SPDX-License-Identifier: Apache-2.0
"""The engine's shared library: where it is, what its functions take, and their errors as exceptions.

ADABIN_LIBRARY, else the clone's own build, else where the system's linker finds it. What each function does stands in
ascend310_infer/inc/adabin.h.
"""

import ctypes
import ctypes.util
import functools
import os
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

from adabin.utils.cli import log
from adabin.utils.errors import RunError, UserError
from adabin.utils.places import CLONE

VARIABLE = "ADABIN_LIBRARY"
SOURCES = CLONE / "ascend310_infer"
LIBRARY = SOURCES / "build" / "libadabin.so"
BUILD = "bash ascend310_infer/build.sh"
VERSION = "0.1."  # what is declared below

FLOAT32, UINT8 = 1, 2  # adabin_type
INVALID_ARGUMENT, FILE, MODEL, RESOURCE, OUT_OF_MEMORY = range(1, 6)  # adabin_code


class Buffer(ctypes.Structure):
    """adabin_input and adabin_output."""

    _fields_ = [("data", c_void_p), ("bytes", c_size_t)]


class Box(ctypes.Structure):
    """adabin_box."""

    _fields_ = [*((side, c_double) for side in ("x1", "y1", "x2", "y2")), ("label", c_int), ("score", c_float)]


class Status(c_void_p):
    """adabin_status*: what every call that can fail returns; NULL where it did not."""


# Name: result, arguments. Objects are pointers to nothing in particular.
FUNCTIONS = {
    "adabin_version": (c_char_p,),
    "adabin_status_code": (c_int, c_void_p),
    "adabin_status_message": (c_char_p, c_void_p),
    "adabin_status_release": (None, c_void_p),
    "adabin_model_options_create": (Status, POINTER(c_void_p)),
    "adabin_model_options_release": (None, c_void_p),
    "adabin_model_options_set_kernel": (Status, c_void_p, c_char_p),
    "adabin_model_options_set_device": (Status, c_void_p, c_char_p, c_int),
    "adabin_model_load": (Status, c_char_p, c_void_p, POINTER(c_void_p)),
    "adabin_model_load_bytes": (Status, c_char_p, c_size_t, c_void_p, POINTER(c_void_p)),
    "adabin_model_release": (None, c_void_p),
    "adabin_model_input_count": (c_size_t, c_void_p),
    "adabin_model_input_name": (c_char_p, c_void_p, c_size_t),
    "adabin_model_input_type": (c_int, c_void_p, c_size_t),
    "adabin_model_input_dims": (c_size_t, c_void_p, c_size_t, POINTER(POINTER(c_int64))),
    "adabin_model_output_count": (c_size_t, c_void_p),
    "adabin_model_output_name": (c_char_p, c_void_p, c_size_t),
    "adabin_model_output_type": (c_int, c_void_p, c_size_t),
    "adabin_model_output_dims": (c_size_t, c_void_p, c_size_t, POINTER(POINTER(c_int64))),
    "adabin_model_description": (c_char_p, c_void_p),
    "adabin_model_metadata_count": (c_size_t, c_void_p),
    "adabin_model_metadata_key": (c_char_p, c_void_p, c_size_t),
    "adabin_model_metadata_value": (c_char_p, c_void_p, c_size_t),
    "adabin_model_metadata": (c_char_p, c_void_p, c_char_p),
    "adabin_model_kernel": (c_char_p, c_void_p),
    "adabin_model_binary_layers": (c_int, c_void_p),
    "adabin_model_packed_layers": (c_int, c_void_p),
    "adabin_model_step_count": (c_size_t, c_void_p),
    "adabin_model_step": (c_char_p, c_void_p, c_size_t),
    "adabin_session_options_create": (Status, POINTER(c_void_p)),
    "adabin_session_options_release": (None, c_void_p),
    "adabin_session_options_set_threads": (Status, c_void_p, c_int),
    "adabin_session_options_set_profile": (Status, c_void_p, c_int),
    "adabin_session_options_set_input_type": (Status, c_void_p, c_int),
    "adabin_session_options_set_normalization": (Status, c_void_p, POINTER(c_float), POINTER(c_float), c_size_t),
    "adabin_session_options_set_memory_limit": (Status, c_void_p, c_size_t),
    "adabin_model_session_bytes": (Status, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "adabin_session_create": (Status, c_void_p, c_void_p, POINTER(c_void_p)),
    "adabin_session_release": (None, c_void_p),
    "adabin_session_threads": (c_int, c_void_p),
    "adabin_session_input_bytes": (c_size_t, c_void_p, c_size_t),
    "adabin_session_output_bytes": (c_size_t, c_void_p, c_size_t),
    "adabin_session_run": (Status, c_void_p, c_size_t, POINTER(Buffer), c_size_t, POINTER(Buffer), c_size_t),
    "adabin_session_step_milliseconds": (c_double, c_void_p, c_size_t),
    "adabin_detector_create": (Status, c_void_p, POINTER(c_void_p)),
    "adabin_detector_release": (None, c_void_p),
    "adabin_detector_class_count": (c_size_t, c_void_p),
    "adabin_detector_class_name": (c_char_p, c_void_p, c_size_t),
    "adabin_detector_max_boxes": (c_size_t, c_void_p),
    "adabin_detector_find": (
        *(Status, c_void_p, POINTER(Buffer), c_size_t, c_int, c_int, POINTER(Box), c_size_t, POINTER(c_size_t)),
    ),
    "adabin_packed_create": (Status, c_char_p, POINTER(c_void_p)),
    "adabin_packed_release": (None, c_void_p),
    "adabin_packed_data": (c_void_p, c_void_p),
    "adabin_packed_size": (c_size_t, c_void_p),
    "adabin_packed_binary_layers": (c_int, c_void_p),
    "adabin_packed_step_count": (c_size_t, c_void_p),
    "adabin_packed_described": (c_int, c_void_p),
    "adabin_kernel_count": (c_size_t,),
    "adabin_kernel_name": (c_char_p, c_size_t),
    "adabin_kernel_description": (c_char_p, c_size_t),
    "adabin_kernel_supported": (c_int, c_size_t),
    "adabin_device_count": (c_size_t,),
    "adabin_device_name": (c_char_p, c_size_t),
    "adabin_device_description": (c_char_p, c_size_t),
    "adabin_device_supported": (c_int, c_size_t),
    "adabin_default_threads": (Status, POINTER(c_int)),
}


def find():
    """Path of the library.

    Raises:
        UserError: it is nowhere; the message says how to build it.
    """
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise UserError(f"{VARIABLE}={named}: no such file; build the C++ engine with: {BUILD}, or unset it")
        return str(Path(named).absolute())  # a name without a folder would be looked for elsewhere
    if LIBRARY.is_file():
        if source := newer_source(LIBRARY, SOURCES):
            older = f"{LIBRARY} is older than {source.relative_to(SOURCES.parent)}"
            _warn_once(f"warning: {older}; build it again with: {BUILD}")
        return str(LIBRARY)
    if installed := ctypes.util.find_library("adabin"):
        return installed
    raise UserError(
        f"adabin.engine needs the C++ library {LIBRARY.name}; build it in a clone of the project with: {BUILD}, and "
        f"elsewhere name the file in {VARIABLE}"
    )


@functools.cache
def _warn_once(text):
    log(text)


def newer_source(program, sources):
    """A C++ source below the folder `sources` that was changed after the program was built, or None."""
    built = program.stat().st_mtime
    below = (path for name in ("src", "inc", "tools") for path in (sources / name).rglob("*.*"))
    paths = (sources / "CMakeLists.txt", *below)
    return next((path for path in paths if path.is_file() and path.stat().st_mtime > built), None)


def load():
    """The library, its functions ready to call; one that can fail raises what its status says.

    Raises:
        UserError: it is nowhere, cannot be loaded or has another version.
    """
    return _load(find())


@functools.cache
def _load(path):
    try:
        library = ctypes.CDLL(path)
        library.adabin_version.restype = c_char_p
        version = library.adabin_version().decode()
    except (OSError, AttributeError) as error:
        raise UserError(f"{path}: cannot be loaded ({error}); build it again with: {BUILD}") from error
    if not version.startswith(VERSION):
        raise UserError(f"{path}: has version {version}, {VERSION}x is needed; build it again with: {BUILD}")
    for name, (result, *arguments) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise UserError(
                f"{path}: is older than this package, has no {name}; build it again with: {BUILD}"
            ) from error
        function.argtypes, function.restype = arguments, result
        if result is Status:
            function.restype, function.errcheck = c_void_p, functools.partial(_check, library)
    return library


def _check(library, status, function, arguments):
    """Raise what a status says.

    Raises:
        UserError: a file, a model or an option that cannot be used.
        MemoryError, RunError: not enough memory; anything else.
    """
    if not status:
        return
    code, message = library.adabin_status_code(status), library.adabin_status_message(status).decode(errors="replace")
    library.adabin_status_release(status)
    if code == OUT_OF_MEMORY:
        raise MemoryError(message)
    raise (UserError if code in (INVALID_ARGUMENT, FILE, MODEL, RESOURCE) else RunError)(message)
