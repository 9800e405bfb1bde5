# SPDX-License-Identifier: Apache-2.0
"""The one exception that means "the user can fix this"."""


class UserError(Exception):
    """Bad input, described in one line that names the file, flag or key and says what to do.

    Entry points print the message as a single line on standard error and leave with status 2; nothing below
    them catches it.
    """
