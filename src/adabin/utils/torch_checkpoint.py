# SPDX-License-Identifier: Apache-2.0
"""Read a PyTorch checkpoint without PyTorch and without running anything from it.

`torch.save` writes a zip file: `<name>/data.pkl`, a pickle whose tensors refer to storages, and one stored entry
`<name>/data/<key>` of raw numbers per storage (PyTorch notes, "Serialization semantics"). Every size is checked
against what the file really holds before it is used.
"""

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from adabin.utils.errors import UserError
from adabin.utils.numpy_pickle import Refused, shown
from adabin.utils.pickle_machine import Global
from adabin.utils.safe_pickle import read_pickle

_STORAGE_DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
_MAX_PICKLE = 64 << 20  # bytes; a ResNet's is 30 to 300 KB
_MAX_GROWTH = 4  # unpacked bytes per byte of file; torch stores without compression, which gives less than 1


def read_torch_checkpoint(path: str | Path) -> Any:
    """Return what `torch.save` put into `path`, tensors as read-only NumPy arrays of the same shape and type.

    Args:
        path: a checkpoint in the zip format (torch >= 1.6).

    Returns:
        The nested dict, list or tuple that was saved; OrderedDicts as dicts in their order, parameters as arrays,
        numbers and texts as they are. Tensors that shared memory share it here.

    Raises:
        UserError: not a file, another format (also torch's old one), damaged, or holding anything but data.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a torch checkpoint") from error
    if not start.startswith(b"PK\x03\x04"):
        raise UserError(_no_zip(path, start))
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked_entries(archive, path.stat().st_size)
            prefix = _prefix(entries)
            order = "<" if _read_small(archive, entries, prefix + "byteorder", b"little") == b"little" else ">"
            program = _read_small(archive, entries, prefix + "data.pkl", None)
            storages = _Storages(archive, entries, prefix, order)
            extra = {
                ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
                ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
                **{("torch", name): None for name in _STORAGE_DTYPES},
            }
            return read_pickle(program, str(path), extra, storages.load)
    except (
        Refused,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        LookupError,
        OverflowError,
        MemoryError,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: damaged or not a torch checkpoint ({reason}); get the file again") from error


def _no_zip(path: Path, start: bytes) -> str:
    if start.startswith(b"\x80"):
        return (
            f"{path}: torch's old checkpoint format (a bare pickle) is not read; save it again with torch >= 1.6: "
            "torch.save(torch.load(old), new)"
        )
    return f"{path}: not a torch checkpoint (a zip file written by torch.save); check the path"


def _checked_entries(archive: zipfile.ZipFile, file_size: int) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    entries = {info.filename: info for info in infos}
    if len(entries) != len(infos):
        raise Refused("two entries of the same name")
    if sum(info.file_size for info in infos) > _MAX_GROWTH * file_size:
        raise Refused(f"unpacked it would be more than {_MAX_GROWTH} times its size")
    for info in infos:
        if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(f"entry {info.filename[:80]} is encrypted or packed in an unusual way")
    return entries


def _prefix(entries: dict[str, zipfile.ZipInfo]) -> str:
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise Refused("a zip file without exactly one <name>/data.pkl")
    return pickles[0][: -len("data.pkl")]


def _read_small(archive: zipfile.ZipFile, entries: dict, name: str, default: bytes | None) -> bytes:
    if name not in entries and default is not None:
        return default
    if entries[name].file_size > _MAX_PICKLE:
        raise Refused(f"entry {name} is larger than {_MAX_PICKLE >> 20} MB")
    return archive.read(entries[name])


class _Storages:
    """The storages of one archive, each read once, when a tensor first refers to it."""

    def __init__(self, archive: zipfile.ZipFile, entries: dict, prefix: str, order: str):
        self.archive, self.entries, self.prefix, self.order = archive, entries, prefix, order
        self.loaded: dict[str, np.ndarray] = {}

    def load(self, identity: Any) -> np.ndarray:
        """Return the flat array for ('storage', type, key, device, number of items)."""
        if not (isinstance(identity, tuple) and len(identity) == 5 and identity[0] == "storage"):
            raise Refused("a reference to something that is not a storage")
        kind, key, count = identity[1], identity[2], identity[4]
        if not (isinstance(kind, Global) and kind.name in _STORAGE_DTYPES and isinstance(key, str)):
            raise Refused("a storage of unknown type")
        dtype = np.dtype(self.order + _STORAGE_DTYPES[kind.name])
        info = self.entries.get(f"{self.prefix}data/{key}")
        if info is None or type(count) is not int or count < 0 or count * dtype.itemsize != info.file_size:
            raise Refused(f"storage {shown(key)} is missing or not of the size it should have")
        if key not in self.loaded:
            raw = self.archive.read(info)  # checks the CRC
            if len(raw) != info.file_size:
                raise Refused(f"storage {shown(key)} is truncated")
            self.loaded[key] = np.frombuffer(raw, dtype)
        if self.loaded[key].dtype != dtype:
            raise Refused(f"storage {shown(key)} has two types")
        return self.loaded[key]


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> np.ndarray:
    """View of `storage` with `shape` and `strides` (both in items); must lie within it and not repeat it."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise Refused("a tensor without a storage")
    numbers = (offset, *_as_tuple(shape), *_as_tuple(strides))
    if len(shape) != len(strides) or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in numbers):
        raise Refused("a tensor with an impossible shape, stride or offset")
    items = math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) if items else offset
    # An expanded tensor may legally repeat its storage, but then its shape is only the file's word.
    if items > storage.size or (items and last >= storage.size):
        raise Refused(f"a tensor of shape {tuple(shape)} outside its storage of {storage.size} items")
    if items == 0:
        return np.empty(shape, storage.dtype)
    byte_strides = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, byte_strides, writeable=False)


def _as_tuple(value: Any) -> tuple:
    if not isinstance(value, tuple):
        raise Refused("a tensor without a shape")
    return value


def _rebuild_parameter(data: Any, *_rest: Any) -> np.ndarray:
    if not isinstance(data, np.ndarray):
        raise Refused("a parameter without a tensor")
    return data
