# SPDX-License-Identifier: Apache-2.0
"""Which cases of a test are compiled: a graph takes a second or more, and values and sizes do not change what it is."""


def in_modes(cases, compiled):
    """("mode", case) for `parametrize` with `indirect=["mode"]`: all `cases` by operators, `compiled` in a graph."""
    return [("GRAPH", case) for case in compiled] + [("PYNATIVE", case) for case in cases]
