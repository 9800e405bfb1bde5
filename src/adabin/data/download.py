# SPDX-License-Identifier: Apache-2.0
"""Fetch the official CIFAR-10 archive: progress bar, checksum, and only the expected files are unpacked."""

import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from adabin.data.cifar10 import BATCH_NAMES, BINARY_FILE_SIZE
from adabin.utils.errors import UserError
from adabin.utils.files import temporary_folder

_CHUNK = 1 << 20
_MAX_ARCHIVE = 512 << 20  # bytes; the official one is 162 MB
_TIMEOUT = 30  # seconds without any answer


@dataclass(frozen=True)
class Archive:
    """A gzipped tar file to fetch: where, its md5, the folder in it, and its files with their sizes in bytes."""

    url: str
    md5: str
    folder: str
    files: dict[str, int]


CIFAR10_ARCHIVE = Archive(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    folder="cifar-10-batches-bin",
    files={f"{name}.bin": BINARY_FILE_SIZE for names in BATCH_NAMES.values() for name in names},
)


def download_cifar10(target_dir: str | Path, archive: Archive = CIFAR10_ARCHIVE) -> Path:
    """Make sure that `target_dir` holds CIFAR-10 in the binary layout, fetching it if it does not.

    The folder appears under its name only when it is complete; an interrupted download leaves nothing behind.

    Args:
        target_dir: created if missing.
        archive: another source, for mirrors and tests.

    Returns:
        `target_dir`/cifar-10-batches-bin.

    Raises:
        UserError: unreachable, wrong checksum, unexpected content, no space, or the folder exists but is incomplete.
    """
    target = Path(target_dir)
    folder = target / archive.folder
    if _is_complete(folder, archive):
        return folder
    if folder.exists():
        raise UserError(f"{folder}: exists but is incomplete; move it away to download CIFAR-10 again")
    try:
        target.mkdir(parents=True, exist_ok=True)
        with temporary_folder(".download-", target) as scratch:
            packed = scratch / "archive.tar.gz"
            _fetch(archive, packed)
            _unpack(archive, packed, scratch / archive.folder)
            _publish(scratch / archive.folder, folder, archive)
    except OSError as error:
        raise UserError(
            f"--data_path {target}: cannot store CIFAR-10 there ({error.strerror or error}); "
            "choose a folder with 350 MB of space"
        ) from error
    return folder


def _is_complete(folder: Path, archive: Archive) -> bool:
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in archive.files.items()
    )


def _publish(ready: Path, folder: Path, archive: Archive) -> None:
    try:
        os.rename(ready, folder)
    except OSError:
        # Another process may have finished the same download first.
        if not _is_complete(folder, archive):
            raise


def _fetch(archive: Archive, path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    try:
        request = urllib.request.urlopen(archive.url, timeout=_TIMEOUT)  # noqa: S310 - the address is ours or a test's
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(archive, error) from error
    with request, path.open("wb") as file:
        total = int(request.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=archive.url.rsplit("/", 1)[-1], file=sys.stderr) as bar:
            while True:
                try:
                    chunk = request.read(_CHUNK)
                except (OSError, http.client.HTTPException) as error:
                    raise _unreachable(archive, error) from error
                if not chunk:
                    break
                done += len(chunk)
                if done > _MAX_ARCHIVE:
                    raise UserError(f"{archive.url}: larger than CIFAR-10 can be; give --data_path instead")
                digest.update(chunk)
                file.write(chunk)
                bar.update(len(chunk))
    if digest.hexdigest() != archive.md5:
        raise UserError(
            f"{archive.url}: damaged on the way (md5 {digest.hexdigest()} instead of {archive.md5}); "
            "try again, or get it elsewhere and give its folder as --data_path"
        )


def _unreachable(archive: Archive, error: Exception) -> UserError:
    reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
    return UserError(
        f"{archive.url}: cannot be downloaded ({reason}); put CIFAR-10 into a folder yourself and give it "
        "as --data_path"
    )


def _unpack(archive: Archive, packed: Path, folder: Path) -> None:
    """Copy the expected files, and nothing else, out of the archive; names in it never become paths."""
    folder.mkdir()
    missing = dict(archive.files)
    try:
        with tarfile.open(packed, "r:gz") as tar:
            for member in tar:
                head, _, name = member.name.removeprefix("./").partition("/")
                if head != archive.folder or name not in missing:
                    continue
                if not member.isreg() or member.size != missing.pop(name):
                    raise UserError(f"{archive.url}: {name} in it is not as expected; give --data_path instead")
                with tar.extractfile(member) as source, (folder / name).open("xb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{archive.url}: not a complete tar.gz archive ({error}); give --data_path instead") from error
    if missing:
        raise UserError(f"{archive.url}: {next(iter(missing))} is not in it; give --data_path instead")
