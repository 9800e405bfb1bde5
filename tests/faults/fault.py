# SPDX-License-Identifier: Apache-2.0
"""A planted fault."""

from dataclasses import dataclass

CODE = "src/adabin"


@dataclass(frozen=True)
class Fault:
    """A mistake somebody could make: in `file`, `right` becomes `wrong`, and `tests` (pytest's arguments) must fail."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str
