# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 from a folder in either of its official layouts (https://www.cs.toronto.edu/~kriz/cifar.html).

Binary: files of 10,000 records, each one label byte and 3,072 pixel bytes (red, green, blue plane, row by row).
Python: Python-2 pickles of a dictionary with b"data" (10000, 3072) in the same order of bytes and b"labels".
"""

from pathlib import Path

import numpy as np

from adabin.utils.errors import UserError
from adabin.utils.safe_pickle import read_pickle

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH_NAMES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
IMAGES_PER_FILE = 10_000
BINARY_FILE_SIZE = IMAGES_PER_FILE * (1 + 3072)

_FOLDERS = {".bin": "cifar-10-batches-bin", "": "cifar-10-batches-py"}
_MAX_PICKLE_SIZE = 2 * BINARY_FILE_SIZE  # the official ones are 31 MB
_CIFAR100_MARKS = ("cifar-100-binary", "cifar-100-python", "fine_label_names.txt", "train.bin")
_WAY_OUT = "give --data_path the folder with cifar-10-batches-bin or cifar-10-batches-py, or set --download=true"


def load_cifar10(data_path: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read one split of CIFAR-10, in the order of the files.

    Args:
        data_path: the folder that holds `cifar-10-batches-bin` or `cifar-10-batches-py`, or one of these itself.
            Where both are present the binary layout is read.
        split: "train" (50,000 images) or "test" (10,000).

    Returns:
        images uint8 (N, 32, 32, 3) RGB and labels int32 (N,).

    Raises:
        UserError: nothing there, a file missing, truncated or of another data set (CIFAR-100 is recognized).
    """
    if split not in BATCH_NAMES:
        raise UserError(f"cifar10: unknown split {split!r}; use one of {', '.join(BATCH_NAMES)}")
    folder, suffix = _find_layout(data_path)
    parts = []
    for name in BATCH_NAMES[split]:
        path = folder / (name + suffix)
        try:
            parts.append(_read_binary(path) if suffix else _read_python(path))
        except FileNotFoundError as error:
            raise UserError(f"{path}: missing; {_WAY_OUT}") from error
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); {_WAY_OUT}") from error
    planes = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def _find_layout(data_path: str | Path) -> tuple[Path, str]:
    """Return (folder of the batch files, their suffix)."""
    if not str(data_path):
        raise UserError(f"--data_path is empty, but dataset cifar10 needs it: {_WAY_OUT}")
    root = Path(data_path)
    if not root.is_dir():
        raise UserError(f"--data_path {root}: no such folder; {_WAY_OUT}")
    names = [name for split in BATCH_NAMES.values() for name in split]
    for suffix, folder_name in _FOLDERS.items():
        for folder in (root / folder_name, root):
            if any((folder / (name + suffix)).is_file() for name in names):
                return folder, suffix
    if any((root / mark).exists() for mark in _CIFAR100_MARKS) or "cifar-100" in root.name:
        raise UserError(f"--data_path {root}: this is CIFAR-100 (100 classes), not CIFAR-10; {_WAY_OUT}")
    raise UserError(f"--data_path {root}: no CIFAR-10 files in it; {_WAY_OUT}")


def _read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    size = path.stat().st_size
    if size != BINARY_FILE_SIZE:
        raise UserError(
            f"{path}: {size} bytes instead of {BINARY_FILE_SIZE}, truncated or not CIFAR-10; unpack the archive again"
        )
    records = np.fromfile(path, np.uint8).reshape(IMAGES_PER_FILE, 1 + 3072)
    return records[:, 1:], _checked_labels(path, records[:, 0])


def _read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.stat().st_size > _MAX_PICKLE_SIZE:
        raise UserError(f"{path}: too large for a CIFAR-10 batch; unpack the archive again")
    content = read_pickle(path.read_bytes(), str(path))
    content = content if isinstance(content, dict) else {}
    # A file that was written again by Python 3 has texts for keys.
    data, labels = (content.get(key.encode(), content.get(key)) for key in ("data", "labels"))
    if labels is None and (b"fine_labels" in content or "fine_labels" in content):
        raise UserError(f"{path}: this is CIFAR-100 (100 classes), not CIFAR-10; {_WAY_OUT}")
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape == (IMAGES_PER_FILE, 3072)):
        raise UserError(
            f"{path}: holds no 'data' of {IMAGES_PER_FILE} x 3072 bytes, not CIFAR-10; unpack the archive again"
        )
    if not (isinstance(labels, list) and all(type(label) is int and 0 <= label < 2**31 for label in labels)):
        raise UserError(f"{path}: holds no list of 'labels', not CIFAR-10; unpack the archive again")
    return data, _checked_labels(path, np.array(labels, np.int64))


def _checked_labels(path: Path, labels: np.ndarray) -> np.ndarray:
    if len(labels) != IMAGES_PER_FILE:
        raise UserError(f"{path}: {len(labels)} labels for {IMAGES_PER_FILE} images; unpack the archive again")
    if labels.max() >= len(CIFAR10_CLASSES):
        record = int(np.argmax(labels >= len(CIFAR10_CLASSES)))
        raise UserError(
            f"{path}: label {labels[record]} in record {record} is outside 0..9, damaged or not CIFAR-10; "
            "unpack the archive again"
        )
    return labels
