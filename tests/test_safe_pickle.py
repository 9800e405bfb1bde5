# SPDX-License-Identifier: Apache-2.0
import collections
import io
import os
import pickle
import struct
import subprocess

import numpy as np
import pytest

from adabin.utils.errors import UserError
from adabin.utils.safe_pickle import MAX_DEPTH, read_pickle

ARRAY_HEAD = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01"


def array_program(shape: bytes, dtype: bytes, raw: bytes) -> bytes:
    """A protocol-2 pickle of an array, written as Python 2 would; `shape` is a program for a tuple."""
    dtype_part = (
        b"cnumpy\ndtype\n(U" + bytes([len(dtype)]) + dtype + b"K\x00K\x01tR"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    return ARRAY_HEAD + shape + dtype_part + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb."


class Calls:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_data_comes_back_as_it_was(protocol):
    shared = [1, 2]
    data = {
        "a": [1, -2, 2**40, 2.5, None, True, False],
        b"b": (1, (2,), (), (1, 2, 3), ("x", 2, 3, 4)),
        3: {"é": b"\xff\x00"},
        "": b"",
        "s": [shared, shared],
        "big": b"x" * 300,
        "long": "y" * 70000,
    }
    assert read_pickle(pickle.dumps(data, protocol), "f") == data
    assert read_pickle(pickle.dumps(collections.OrderedDict(data), protocol), "f") == data


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 5), ">i2"),
        np.array(3.5, np.float32),
        np.array([True, False]),
        np.arange(4, dtype=np.int64),
    ],
    ids=str,
)
def test_number_arrays_come_back_exactly(protocol, array):
    back = read_pickle(pickle.dumps([array, {"again": array}], protocol), "f")
    for value in (back[0], back[1]["again"]):
        assert value.dtype == array.dtype and value.shape == array.shape
        np.testing.assert_array_equal(value, array)


@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_scalars_come_back(protocol):
    assert read_pickle(pickle.dumps(np.float32(1.5), protocol), "f") == np.float32(1.5)


def test_python2_strings_come_back_as_bytes():
    program = b"\x80\x02}q\x01(U\x04dataq\x02T\x03\x00\x00\x00\x00\xff\x80U\x06labelsq\x03]q\x04(K\x06K\x09eu."
    assert read_pickle(program, "f") == {b"data": b"\x00\xff\x80", b"labels": [6, 9]}


def test_python2_arrays_come_back():
    back = read_pickle(array_program(b"K\x02K\x03\x86", b"u1", bytes(range(6))), "f")
    np.testing.assert_array_equal(back, np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    "payload, name",
    [
        (Calls(os.system, "touch PWNED"), "system"),
        (Calls(eval, "open('PWNED', 'w')"), "eval"),
        (Calls(exec, "open('PWNED', 'w')"), "exec"),
        (Calls(getattr, "".__class__, "__mro__"), "getattr"),
        (Calls(subprocess.Popen, ["touch", "PWNED"]), "Popen"),
        (Calls(np.load, "x"), "load"),
        ({"ok": [Calls(open, "PWNED", "w")]}, "open"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_call_is_refused_by_name_and_not_made(payload, name, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^f.pkl: .*{name}") as refusal:
        read_pickle(pickle.dumps(payload, protocol), "f.pkl")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "program, reason",
    [
        (b"\x80\x04\x8c\x08builtins\x8c\x07__doc__\x93.", "builtins.__doc__"),
        (b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.", "OrderedDict.__init__"),
        (b"\x80\x02cnumpy\nndarray\n(tR.", "wants to call"),
        (b"\x80\x02cnumpy\nndarray\n.", "Global"),
        (b"\x80\x02ccollections\nOrderedDict\n(t\x81.", "NEWOBJ"),
        (b"(S'touch PWNED'\nios\nsystem\n.", "not allowed"),
        (b"\x80\x02ccollections\nOrderedDict\n}(U\x0c__defaults__K\x01ub.", "state"),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", "outside the file"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x05N.", "protocol 5"),
        (b"\x80\x02K\x01K\x02.", "exactly one"),
        (b"\x80\x02(.", "exactly one"),
        (b"\x80\x020.", "damaged"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02](K\x01K\x02u.", "items for"),
        (b"\x80\x02}(K\x01u.", "without a value"),
        (b"\x80\x02}((tK\x01u.", "key of type tuple"),
        (b"\x80\x02}]K\x01s.", "key of type list"),
        (b"", "damaged"),
        (b"hello", "damaged"),
    ],
)
def test_programs_that_are_not_data_are_refused(program, reason):
    with pytest.raises(UserError, match=reason):
        read_pickle(program, "f")


@pytest.mark.parametrize(
    "program",
    [
        array_program(b"M\xff\xffM\xff\xff\x86", b"f8", b"12345678"),
        array_program(b"\x8a\x09" + b"\xff" * 8 + b"\x00\x85", b"u1", b"1"),
        array_program(b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86", b"u1", b"1"),
        array_program(b"(" + b"K\x01" * 40 + b"t", b"u1", b"1"),
        array_program(b"K\x02\x85", b"u1", b"1"),
        b"\x80\x02T\xff\xff\xff\x7fabc.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc.",
        b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b"j\x00\x00\x00\x00.",
    ],
    ids=[
        "elements",
        "72-bit side",
        "negative sides",
        "40 sides",
        "one byte short",
        "string",
        "bytes8",
        "unicode8",
        "memo",
    ],
)
def test_a_size_that_the_file_does_not_hold_is_refused(program):
    with pytest.raises(UserError):
        read_pickle(program, "f")


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}, None]),
        np.array(["a", "b"]),
        np.array([b"a"]),
        np.zeros(2, [("a", "i4"), ("b", "O")]),
        np.array(["2020-01-01"], "datetime64[D]"),
    ],
    ids=["object", "unicode", "bytes", "structured", "time"],
)
def test_arrays_of_anything_but_numbers_are_refused(array):
    with pytest.raises(UserError, match="only plain numbers"):
        read_pickle(pickle.dumps(array, 2), "f")


def test_object_items_hidden_behind_a_number_type_are_refused():
    program = array_program(b"K\x01\x85", b"u1", b"1").replace(b"\x89T\x01\x00\x00\x001", b"\x89](K\x01e")
    with pytest.raises(UserError, match="objects"):
        read_pickle(program, "f")


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b".",
        b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
        b"\x80\x02)" + b"\x85" * 200_000 + b".",
        b"\x80\x02]q\x00h\x00a.",
        b"\x80\x02]q\x00(h\x00ta.",
        b"\x80\x02}(K\x00" + b")" + b"\x85" * 200_000 + b"K\x01K\x02u.",
    ],
    ids=["tuples", "lists", "tuple1", "list in itself", "list in a tuple in it", "in a dict"],
)
def test_endless_nesting_is_refused(program):
    with pytest.raises(UserError, match="nested|itself"):
        read_pickle(program, "f")


def test_nesting_up_to_the_limit_is_read():
    value = ()
    for _ in range(MAX_DEPTH - 1):
        value = (value,)
    assert read_pickle(pickle.dumps(value, 2), "f") == value


def test_shared_containers_cost_no_more_than_their_file():
    doubled = b"\x80\x02)" + b"q\x00h\x00\x86" * 40 + b"."
    value = read_pickle(doubled, "f")
    assert len(value) == 2 and value[0] is value[1]


def test_a_message_does_not_print_what_a_file_doubles():
    doubled = b"\x80\x04)" + b"q\x00h\x00\x86" * 40 + b"q\x01" + b"0h\x01h\x01\x93."
    with pytest.raises(UserError) as refusal:
        read_pickle(doubled, "f")
    assert len(str(refusal.value)) < 300


def test_calling_a_stand_in_again_and_again_does_not_fill_the_memory():
    text = b"X" + struct.pack("<I", 10_000) + b"x" * 10_000 + b"q\x000"
    call = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    with pytest.raises(UserError, match="more data than"):
        read_pickle(b"\x80\x02](" + text + call * 1000 + b"e.", "f")


def test_every_truncation_is_refused():
    whole = pickle.dumps({"a": np.arange(5), "b": [1, 2.0, "x", b"y"]}, 2)
    for length in range(len(whole)):
        with pytest.raises(UserError):
            read_pickle(whole[:length], "f")


def test_every_damaged_byte_gives_data_or_a_refusal():
    whole = bytearray(pickle.dumps({"a": np.arange(3), "b": [1, 2.0, "x", b"y"]}, 2))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        damaged = whole.copy()
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        try:
            read_pickle(bytes(damaged), "f")
        except UserError as refusal:
            assert "\n" not in str(refusal)


def test_reading_leaves_no_trace_in_the_stand_ins():
    # BUILD with a slot state would set attributes of a function if the reader let it.
    program = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}(X\x0c\x00\x00\x00__defaults__K\x01\x85u\x86b."
    with pytest.raises(UserError, match="state"):
        read_pickle(program, "f")


def test_it_agrees_with_pickle_on_a_cifar_like_batch():
    batch = {
        "data": np.random.default_rng(1).integers(0, 256, (20, 3072)).astype(np.uint8),
        "labels": list(range(20)),
        "filenames": [f"{k}.png" for k in range(20)],
    }
    stream = io.BytesIO()
    pickle.dump(batch, stream, 2)
    back = read_pickle(stream.getvalue(), "f")
    np.testing.assert_array_equal(back["data"], batch["data"])
    assert back["labels"] == batch["labels"]
