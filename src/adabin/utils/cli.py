# SPDX-License-Identifier: Apache-2.0
"""What all entry points share: how they end."""

import errno
import json
import os
import sys

from adabin.utils.errors import RunError, UserError


def log(message):
    """Print a line to standard error; standard output is for the result alone."""
    print(message, file=sys.stderr, flush=True)


# What is wrong with a name or a place, rather than with the disk or the program.
_OF_NAMES = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EILSEQ, errno.EINVAL)


def _bad_name(error):
    """Line on a file that could not even be looked at; begins with the flag that names it, where one does."""
    name = os.fsdecode(error.filename)
    flag, words = "", sys.argv[1:]
    for before, word in zip(["", *words], words, strict=False):
        key, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and value and key.startswith("--") and os.path.basename(value) in name:
            flag = f"{key} "
    return f"{flag}{name}: {error.strerror}; give another name or place"


def run(main):
    """Run an entry point's `main(argv)` and exit: result as one line of JSON, bad input as one line and status 2.

    A run that fails for another known reason ends with one line and status 1, an interrupted one with status 130. A
    closed standard output is refused before the work; of one that cannot be written a line says so, with the result.
    """
    if sys.stdout is None:
        log("error: standard output is closed; leave it open, or give it /dev/null")
        sys.exit(2)
    try:
        result = main(sys.argv[1:])
    except UserError as error:
        log(f"error: {' '.join(str(error).split())}")
        sys.exit(2)
    except RunError as error:
        log(f"error: {' '.join(str(error).split())}")
        sys.exit(1)
    except OSError as error:
        if error.errno not in _OF_NAMES or not isinstance(error.filename, (str, bytes)):
            raise
        log(f"error: {' '.join(_bad_name(error).split())}")
        sys.exit(2)
    except KeyboardInterrupt:
        log("stopped")
        sys.exit(130)
    try:
        if result is not None:
            print(json.dumps(result))
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would try again at its end
        log(f"error: standard output cannot be written ({error.strerror}); the result: {json.dumps(result)}")
        sys.exit(2)
