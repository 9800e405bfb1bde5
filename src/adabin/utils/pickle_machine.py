# SPDX-License-Identifier: Apache-2.0
"""The stack machine of the pickle format, for data only: the interpreter behind `safe_pickle`.

Instructions as in `pickletools.opcodes`, protocols 2 to 4; those that plain data does not need do not exist here.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adabin.utils.numpy_pickle import Refused, Shell, shown

KEY_TYPES = (str, bytes, int, float, bool, type(None))

_MARK = object()
_VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NEW = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_LITERALS = {
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
}
_PY2_STRINGS = {"BINSTRING", "SHORT_BINSTRING"}
_PUTS = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class Global:
    """A (module, name) that the pickle mentions, with what we put in its place (None: a mere name)."""

    module: str
    name: str
    stand_in: Callable[..., Any] | None


class PickleMachine:
    """Runs one pickle.

    Args:
        allowed: (module, name) -> function of ours called in its place; None for a mere name.
        persistent_load: gives the object for a persistent id; None refuses them.
    """

    def __init__(self, allowed: Mapping[tuple[str, str], Callable | None], persistent_load: Callable | None):
        self.allowed, self.persistent_load = allowed, persistent_load
        self.stack: list = []
        self.memo: dict[int, Any] = {}
        self.budget = 0  # bytes that stand-ins may still make: calling one again and again must not fill the memory

    def run(self, data: bytes) -> Any:
        """Return the value of the pickle `data`, which may still hold names and unfinished stand-ins.

        Raises:
            Refused: an instruction or a name that is not data. Damage raises what Python raises for it.
        """
        self.budget = len(data)
        # genops checks each argument's length against the bytes that are there before it takes them.
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name == "STOP":
                if len(self.stack) != 1 or self.stack[0] is _MARK:
                    raise Refused("it does not end with exactly one value")
                return self.stack[0]
            if name in _LITERALS:
                self.stack.append(argument)
            elif name in _PY2_STRINGS:
                self.stack.append(argument.encode("latin-1"))
            elif name in _VALUES:
                self.stack.append(_VALUES[name])
            elif name in _NEW:
                self.stack.append(_NEW[name]())
            elif name in _TUPLES:
                self.stack.append(tuple([self._pop() for _ in range(_TUPLES[name])][::-1]))
            elif name in _PUTS:
                self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self._top()
            elif name in _GETS:
                value = self.memo[argument]
                self.stack.append(value.built if isinstance(value, Shell) and value.built is not None else value)
            elif name == "GLOBAL":
                self.stack.append(self._find(*argument.split(" ", 1)))
            else:
                step = getattr(self, f"_do_{name.lower()}", None)
                if step is None:
                    raise Refused(f"instruction {name} is not allowed in data")
                step(argument)
        raise Refused("truncated")

    def _top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise Refused("a mark where a value should be")
        return self.stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        del self.stack[-1]
        return value

    def _pop_to_mark(self) -> list:
        items = []
        while self.stack[-1] is not _MARK:
            items.append(self.stack.pop())
        del self.stack[-1]
        return items[::-1]

    def _find(self, module: Any, name: Any) -> Global:
        if not (isinstance(module, str) and isinstance(name, str) and (module, name) in self.allowed):
            raise Refused(f"it wants {shown(module)}.{shown(name)}, which is not data")
        return Global(module, name, self.allowed[module, name])

    def _do_proto(self, version):
        if not 2 <= version <= 4:
            raise Refused(f"pickle protocol {version}")

    def _do_frame(self, _):
        pass  # a hint for buffered readers

    def _do_mark(self, _):
        self.stack.append(_MARK)

    def _do_pop(self, _):
        self._pop()

    def _do_dict(self, _):
        self.stack.append(_as_dict(self._pop_to_mark()))

    def _do_list(self, _):
        self.stack.append(self._pop_to_mark())

    def _do_tuple(self, _):
        self.stack.append(tuple(self._pop_to_mark()))

    def _fill(self, items, kind):
        if type(self._top()) is not kind:
            raise Refused(f"items for a {type(self._top()).__name__}")
        _as_dict(items, self._top()) if kind is dict else self._top().extend(items)

    def _do_append(self, _):
        self._fill([self._pop()], list)

    def _do_appends(self, _):
        self._fill(self._pop_to_mark(), list)

    def _do_setitem(self, _):
        value, key = self._pop(), self._pop()
        self._fill([key, value], dict)

    def _do_setitems(self, _):
        self._fill(self._pop_to_mark(), dict)

    def _do_stack_global(self, _):
        name, module = self._pop(), self._pop()
        self.stack.append(self._find(module, name))

    def _do_binpersid(self, _):
        if self.persistent_load is None:
            raise Refused("it refers to data outside the file")
        self.stack.append(self.persistent_load(self._pop()))

    def _do_reduce(self, _):
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Global) or function.stand_in is None or not isinstance(arguments, tuple):
            raise Refused("it wants to call something that is not a function of the list")
        made = function.stand_in(*arguments)
        self.budget -= len(made) if isinstance(made, bytes) else 0
        if self.budget < 0:
            raise Refused("more data than the file holds")
        self.stack.append(made)

    def _do_build(self, _):
        state, target = self._pop(), self._pop()
        if isinstance(target, Shell):
            target.built = built = target.build(state)
        elif type(target) is dict:
            built = target  # attributes of an OrderedDict (torch's _metadata): not data
        else:
            raise Refused(f"state for a {type(target).__name__}")
        self.stack.append(built)


def _as_dict(items: list, into: dict | None = None) -> dict:
    into = {} if into is None else into
    if len(items) % 2:
        raise Refused("a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # Also keeps deeply nested tuples from being hashed, which recurses in C without a limit.
        if not isinstance(key, KEY_TYPES):
            raise Refused(f"a dictionary key of type {type(key).__name__}")
        into[key] = value
    return into
