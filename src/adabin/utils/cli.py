# SPDX-License-Identifier: Apache-2.0
"""What all entry points share: how they end."""

import json
import sys

from adabin.utils.errors import RunError, UserError


def log(message):
    """Print a line to standard error; standard output is for the result alone."""
    print(message, file=sys.stderr, flush=True)


def run(main):
    """Run an entry point's `main(argv)` and exit: result as one line of JSON, bad input as one line and status 2.

    A run that fails for another known reason ends with one line and status 1, an interrupted one with status 130.
    """
    try:
        result = main(sys.argv[1:])
    except UserError as error:
        log(f"error: {' '.join(str(error).split())}")
        sys.exit(2)
    except RunError as error:
        log(f"error: {' '.join(str(error).split())}")
        sys.exit(1)
    except KeyboardInterrupt:
        log("stopped")
        sys.exit(130)
    if result is not None:
        print(json.dumps(result), flush=True)
