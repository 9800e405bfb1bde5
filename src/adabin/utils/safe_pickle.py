# SPDX-License-Identifier: Apache-2.0
"""Read data out of a pickle without running anything that the file brings.

`pickle.load` is a machine whose programs may call any function. Here the same programs are read by a machine of our
own (`pickle_machine`) that knows only the instructions plain data needs. A pickle can name a function, but a name is
only looked up in a table of our stand-ins; everything else is refused, naming it. Python 2's protocol-2 pickles work:
their strings come back as bytes, as with `encoding="bytes"`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adabin.utils.errors import UserError
from adabin.utils.numpy_pickle import NUMPY_GLOBALS, Refused
from adabin.utils.pickle_machine import KEY_TYPES, PickleMachine

MAX_DEPTH = 64  # of containers within containers; real files need fewer than ten
_PLAIN_TYPES = KEY_TYPES + (np.ndarray, np.generic)


def read_pickle(
    data: bytes,
    source: str,
    extra_globals: Mapping[tuple[str, str], Callable | None] | None = None,
    persistent_load: Callable[[Any], Any] | None = None,
) -> Any:
    """Interpret one pickle and return its value.

    Args:
        data: the bytes of the pickle.
        source: file name for messages.
        extra_globals: (module, name) -> function of ours called in its place, beside NumPy's and OrderedDict's;
            None for a name that is only passed on as an argument.
        persistent_load: gives the object for a persistent id; without it persistent ids are refused.

    Returns:
        dict, list, tuple, plain values and NumPy arrays (read-only, sharing memory with `data` where
        possible); OrderedDict comes back as dict.

    Raises:
        UserError: anything that is not plain data, damaged or truncated; names `source` and the cause.
    """
    allowed = {**NUMPY_GLOBALS, ("collections", "OrderedDict"): _ordered_dict, **(extra_globals or {})}
    try:
        value = PickleMachine(allowed, persistent_load).run(data)
        _check_plain(value)
        return value
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        OverflowError,
        MemoryError,
        RecursionError,
        AttributeError,
    ) as error:
        raise UserError(f"{source}: not data this program reads ({_one_line(error)}); get the original file") from error


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text if isinstance(error, Refused) else f"damaged: {type(error).__name__} {text}".strip()


def _ordered_dict() -> dict:
    return {}  # its items follow as instructions


def _check_plain(value: Any) -> None:
    """Refuse leftovers of stand-ins, containers within themselves and containers too deep for recursive readers."""
    depth_of: dict[int, int | None] = {}  # None while the container is being walked
    stack = [(value, False)]
    while stack:
        item, walked = stack.pop()
        if not isinstance(item, (dict, list, tuple)):
            if not isinstance(item, _PLAIN_TYPES):
                raise Refused(f"a {type(item).__name__} where data should be")
            continue
        children = list(item.values()) if isinstance(item, dict) else item
        if walked:
            depth = 1 + max((depth_of.get(id(child)) or 0 for child in children), default=0)
            if depth > MAX_DEPTH:
                raise Refused(f"containers nested more than {MAX_DEPTH} deep")
            depth_of[id(item)] = depth
        elif id(item) not in depth_of:
            depth_of[id(item)] = None
            stack.append((item, True))
            stack.extend((child, False) for child in children)
        elif depth_of[id(item)] is None:
            raise Refused("a container within itself")
