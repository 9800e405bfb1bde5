# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import contextlib
import errno
import os
import re
from pathlib import Path

from adabin.utils.errors import UserError
from adabin.utils.stopping import unfinished

PLAIN = re.compile(r"[0-9A-Za-z_.:/@-]+")  # paths that MindSpore takes: no blanks, brackets or umlauts
WITH_PLAIN_PATH = "/tmp"


@contextlib.contextmanager
def replacing(path, anew=False):
    """Context with a temporary path beside `path`, which takes its place when the body ends well.

    A crash at any moment leaves the old file as it was.

    Args:
        anew (bool): there must be no file of that name yet, also none that another process has written meanwhile.

    Raises:
        UserError: the file cannot be written, e.g. because the disk is full; nothing has changed then.
    """
    path = Path(path)
    # Its own among processes that write one name.
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}" if anew else f".writing-{path.name}")
    try:
        with unfinished(temporary, os.unlink):
            yield temporary
            with open(temporary, "rb") as handle:
                os.fsync(handle.fileno())
            if anew:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))  # one of them gets it
            os.replace(temporary, path)
    except FileExistsError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: another process has written it meanwhile; what it wrote is unchanged") from error
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        advice = "free some space or make the folder writable"
        if error.errno == errno.ENAMETOOLONG:  # .writing- is part of it
            advice = "give a name that is some ten letters shorter"
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); {advice}; what was there before is unchanged"
        ) from error
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def temporary_folder(prefix, parent=None):
    """Context with a new folder in `parent`, or where the system has its temporary files, removed at the end."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder, unfinished(folder, shutil.rmtree):
        yield Path(folder)


@contextlib.contextmanager
def plain_folder(prefix):
    """As `temporary_folder`, with a path that MindSpore takes; in /tmp where the system's folder for it has none.

    Raises:
        UserError: nor can that be written.
    """
    import tempfile

    parent = tempfile.gettempdir()
    if not PLAIN.fullmatch(parent):
        if not os.access(WITH_PLAIN_PATH, os.W_OK | os.X_OK):
            raise UserError(
                f"TMPDIR {parent}: MindSpore takes no such name, and {WITH_PLAIN_PATH} cannot be written; set TMPDIR "
                "to a folder whose path has only letters, digits and _ - . : @ in it"
            )
        parent = WITH_PLAIN_PATH
    with temporary_folder(prefix, parent) as folder:
        yield folder


def make_folder(path, flag):
    """Create a folder with its parents; `flag` is what the user changes when that fails."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be created ({error.strerror}); give a writable folder with {flag}") from error
    if not os.access(path, os.W_OK):
        raise UserError(f"{path}: is not writable; give a writable folder with {flag}")
    return Path(path)
