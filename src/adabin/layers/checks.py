# SPDX-License-Identifier: Apache-2.0
"""What layers refuse: wrong sizes when they are made, and maps of another shape where they are called."""

from numbers import Integral

from mindspore.ops.primitive import constexpr


def whole_number(name, value, least=1):
    """The value as int.

    Raises:
        ValueError: it is no whole number from `least` on.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: {value!r} is no whole number from {least} on")
    return int(value)


def pair(name, value):
    """(height, width) of an int or a pair of them, each at least 1.

    Raises:
        ValueError: it is neither.
    """
    values = (value, value) if isinstance(value, Integral) else value
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise ValueError(f"{name}: {value!r} is neither a whole number nor a pair (height, width)")
    return tuple(whole_number(name, one) for one in values)


def padding_of(value):
    """(top, bottom, left, right) of an int or four of them.

    Raises:
        ValueError: it is neither, or negative.
    """
    values = (value,) * 4 if isinstance(value, Integral) else value
    if not isinstance(values, (tuple, list)) or len(values) != 4:
        raise ValueError(f"padding: {value!r} is neither a whole number nor four (top, bottom, left, right)")
    return tuple(whole_number("padding", one, least=0) for one in values)


def divisor(name, value, **channels):
    """A number of groups that divides these numbers of channels.

    Raises:
        ValueError: it does not.
    """
    value = whole_number(name, value)
    for what, count in channels.items():
        if count % value:
            raise ValueError(f"{name}: {value} does not divide {what} {count}")
    return value


# Done when a graph is compiled: nothing is left of it in the compiled graph, nor in an exported one.
@constexpr
def check_map(shape, channels, layer):
    """Refuse inputs that are no maps (N, channels, H, W); layer: name of the class, for the message."""
    if len(shape) != 4 or shape[1] != channels:
        raise ValueError(f"{layer}: the input has shape {tuple(shape)}, not (N, {channels}, H, W)")


@constexpr
def check_shortcut(shape, shortcut, layer):
    """Refuse a shortcut of another shape, which would be broadcast."""
    if tuple(shape) != tuple(shortcut):
        raise ValueError(f"{layer}: the shortcut has shape {tuple(shortcut)}, the input {tuple(shape)}")
