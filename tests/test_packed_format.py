# SPDX-License-Identifier: Apache-2.0
"""A reader of the packed file made from docs/packed_format.md alone: what is written there has to be enough."""

import struct
from pathlib import Path

import numpy as np
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[1] / "models" / "resnet20_cifar10"
CONTENT = (FOLDER / "resnet20.adabin").read_bytes()
WINDOW = ["number"] * 11
BINARIZER = ["byte", "float", "float", "float"]
FIELDS = {
    1: [*WINDOW, "number", *BINARIZER, "words", "floats", "floats", "doubles"],
    2: [*WINDOW, "number", "floats"],
    3: ["number", "floats", "doubles"],
    4: ["doubles", "doubles"],
    5: ["byte", "floats", "floats"],
    6: [],
    7: WINDOW,
    8: WINDOW,
    9: ["number"] * 6,
    10: [],
    11: ["list"],
    12: BINARIZER,
    13: ["list"],
    14: ["list"],
    15: ["float"],
    16: ["list"],
    17: ["byte"],
    18: ["byte"],
    19: ["list", "list", "list"],
    20: [*WINDOW, *["number"] * 5],
    21: ["list"],
}


def read_sections(content):
    magic, version, zero, _, size, count, other = struct.unpack_from("<8sIIQQII", content)
    assert (magic, version, zero, other) == (b"ADABIN\r\n", 4, 0, 0) and size == len(content)
    end, found = 40 + 24 * count, {}
    for number, zero, offset, size in struct.iter_unpack("<IIQQ", content[40:end]):
        assert zero == 0 and offset == -(-end // 64) * 64 and size and number > max(found, default=0)
        assert not any(content[end:offset])
        found[number] = content[offset : offset + size]
        end = offset + size
    assert end == len(content)
    return found


class Table:
    def __init__(self, table, arrays=b""):
        self.table, self.at, self.arrays, self.arrays_at = table, 0, arrays, 0

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.table[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    byte = number

    def float(self):
        self.at += 4
        return struct.unpack_from("<f", self.table, self.at - 4)[0]

    def list(self):
        return [self.number() for _ in range(self.number())]

    def text(self):
        size = self.number()
        self.at += size
        return self.table[self.at - size : self.at].decode()

    def array(self, dtype):
        count, begin = self.number(), -(-self.arrays_at // 16) * 16
        self.arrays_at = begin + count * np.dtype(dtype).itemsize
        return np.frombuffer(self.arrays, dtype, count, begin) if count else np.zeros(0, dtype)

    def words(self):
        return self.array("<u4")

    def floats(self):
        return self.array("<f4")

    def doubles(self):
        return self.array({4: "<f4", 8: "<f8"}[self.byte()])

    def steps(self):
        for _ in range(self.number()):
            kind, inputs = self.byte(), []
            if kind != 21:
                first, second = self.number(), self.number()
                more = [self.number() for _ in range(self.number())] if kind == 14 else []
                inputs = [first, *([second - 1] if second else []), *more]
            yield kind, inputs, [getattr(self, f)() for f in FIELDS[kind]]

    def done(self):
        return self.at == len(self.table) and self.arrays_at == len(self.arrays)


def test_the_document_is_enough_to_read_the_published_network():
    sections = read_sections(CONTENT)
    table = Table(sections[1], sections[2])
    assert [table.number() for _ in range(3)] == [3, 32, 32]
    outputs = [table.number() for _ in range(table.number())]
    steps = list(table.steps())
    assert table.done() and outputs == [len(steps)]
    assert all(value <= index for index, (_, inputs, _) in enumerate(steps) for value in inputs)
    binary = [fields for kind, _, fields in steps if kind == 1]
    assert len(binary) == 18
    weights = 0
    for *window, channels, _, _, high, low, bits, low_weights, high_weights, bias in binary:
        taps, rows = window[0] * window[1], bits.reshape(channels, -1)
        ins = {5: 16, 9: 32, 18: 64}[rows.shape[1]]
        assert taps == 9 and high > low and bias.size == 0
        assert len(low_weights) == len(high_weights) == channels and (low_weights < high_weights).all()
        flags = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
        assert not flags[:, taps * ins :].any() and 0.2 < flags[:, : taps * ins].mean() < 0.8
        weights += channels * taps * ins
    assert weights == 267_264  # binary parameters, as README has them
    (dense,) = [fields for kind, _, fields in steps if kind == 3]
    assert dense[0] == 10 and dense[1].size == 640


def test_the_document_is_enough_to_read_description_and_names():
    sections = read_sections(CONTENT)
    assert yaml.safe_load(sections[3]) == yaml.safe_load((FOLDER / "resnet20.yaml").read_text(encoding="utf-8"))
    names = Table(sections[4])
    assert [names.text() for _ in range(names.number())] == ["x"]
    assert [names.text() for _ in range(names.number())] == [""] and names.done()


def test_the_checksum_is_the_one_of_the_document():
    xxhash = pytest.importorskip("xxhash")
    assert struct.unpack_from("<Q", CONTENT, 16) == (xxhash.xxh3_64_intdigest(CONTENT[24:]),)
