# SPDX-License-Identifier: Apache-2.0
"""The exceptions that entry points turn into one line: what the user can fix, and what went wrong while running."""


class UserError(Exception):
    """Bad input, described in one line that names the file, flag or key and says what to do.

    Entry points print the message as a single line on standard error and leave with status 2; nothing below
    them catches it.
    """


class RunError(Exception):
    """A failure of the work itself, such as a training that diverged: one line, status 1."""
