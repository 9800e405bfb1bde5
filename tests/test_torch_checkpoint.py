# SPDX-License-Identifier: Apache-2.0
import collections
import io
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from adabin.utils.errors import UserError
from adabin.utils.torch_checkpoint import read_torch_checkpoint

STORAGE_NAMES = {
    "f8": "DoubleStorage",
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "i4": "IntStorage",
    "u1": "ByteStorage",
    "b1": "BoolStorage",
}


class Storage:
    def __init__(self, key, items, count=None, name=None):
        self.key, self.items = key, np.asarray(items)
        self.count = self.items.size if count is None else count
        self.name = name or STORAGE_NAMES[self.items.dtype.str[1:]]


class TensorLike:
    """Pickles as torch pickles a tensor."""

    def __init__(self, storage, shape, strides=None, offset=0):
        if strides is None:
            strides = tuple(int(np.prod(shape[k + 1 :])) for k in range(len(shape)))
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


@pytest.fixture
def fake_torch(monkeypatch):
    """Names for the pickler to find; torch itself is not needed."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in (*STORAGE_NAMES.values(), "BFloat16Storage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


@pytest.fixture
def save(fake_torch, tmp_path):
    """Write a checkpoint as torch.save does; keywords spoil it."""

    def write(content, compression=zipfile.ZIP_STORED, order="little", extra=(), without=(), program=None):
        storages = {}

        class Pickler(pickle.Pickler):
            def persistent_id(self, item):
                if isinstance(item, Storage):
                    storages[item.key] = item
                    return "storage", getattr(fake_torch, item.name), item.key, "cpu", item.count
                return None

        stream = io.BytesIO()
        Pickler(stream, 2).dump(content)
        entries = {
            "archive/data.pkl": program or stream.getvalue(),
            "archive/byteorder": order.encode(),
            **{f"archive/data/{key}": value.items.tobytes() for key, value in storages.items()},
            "archive/version": b"3\n",
            **dict(extra),
        }
        path = tmp_path / "model.th"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in entries.items():
                if name not in without:
                    archive.writestr(name, data)
        return path

    return write


def refuse(path, reason):
    with pytest.raises(UserError, match=reason) as refusal:
        read_torch_checkpoint(path)
    assert str(refusal.value).startswith(f"{path}: ") and "\n" not in str(refusal.value)


def test_the_authors_checkpoint_is_read(test_data):
    checkpoint = read_torch_checkpoint(test_data / "adabin_reference" / "resnet20_w1a1_cifar10.th")
    state = checkpoint["state_dict"]
    assert list(checkpoint) == ["state_dict", "best_prec1"] and len(state) == 195
    assert float(checkpoint["best_prec1"]) == pytest.approx(88.0208, abs=1e-4)
    assert all(name.startswith("module.") for name in state)
    assert state["module.conv1.weight"].shape == (16, 3, 3, 3) and state["module.conv1.weight"].dtype == np.float32
    assert state["module.bn1.num_batches_tracked"].dtype == np.int64
    alphas = [float(value) for name, value in state.items() if name.endswith("alpha_a")]
    assert len(alphas) == 18 and 0.229 < min(alphas) < max(alphas) < 1.08
    assert all(np.isfinite(value).all() for value in state.values())


def test_types_shapes_strides_and_sharing_survive(save):
    numbers = np.arange(24, dtype=np.float32)
    shared = Storage("0", numbers)
    content = {
        "whole": TensorLike(shared, (2, 3, 4)),
        "transposed": TensorLike(shared, (4, 6), (1, 4)),
        "slice": TensorLike(shared, (3,), (2,), 5),
        "scalar": TensorLike(Storage("1", np.array([7])), ()),
        "half": TensorLike(Storage("2", np.array([1.5], np.float16)), (1,)),
        "flags": TensorLike(Storage("3", np.array([True, False])), (2,)),
        "empty": TensorLike(Storage("4", np.zeros(0, np.float32)), (0, 3)),
        "epoch": 3,
        "name": "x",
    }
    back = read_torch_checkpoint(save(content))
    np.testing.assert_array_equal(back["whole"], numbers.reshape(2, 3, 4))
    np.testing.assert_array_equal(back["transposed"], numbers.reshape(6, 4).T)
    np.testing.assert_array_equal(back["slice"], [5, 7, 9])
    assert np.shares_memory(back["whole"], back["slice"]) and not back["whole"].flags.writeable
    assert back["scalar"].shape == () and back["scalar"].dtype == np.int64 and back["scalar"] == 7
    assert back["half"].dtype == np.float16 and back["flags"].tolist() == [True, False]
    assert back["empty"].shape == (0, 3) and back["epoch"] == 3 and back["name"] == "x"


def test_big_endian_storages_are_read(save):
    numbers = np.array([1.0, 2.0], ">f4")
    back = read_torch_checkpoint(save([TensorLike(Storage("0", numbers), (2,))], order="big"))
    np.testing.assert_array_equal(back[0], numbers)


def test_attributes_of_a_state_dict_are_dropped(save):
    state = collections.OrderedDict(a=1)
    state._metadata = collections.OrderedDict(version=1)
    assert read_torch_checkpoint(save(state)) == {"a": 1}


@pytest.mark.parametrize(
    "shape, strides, offset",
    [
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2, 2), (3, 1), 0),
        ((2,), (1,), -1),
        ((2,), (-1,), 1),
        ((-2,), (1,), 0),
        ((2,), (2**62,), 0),
        ((2**31, 2**31), (0, 0), 0),
        ((8,), (0,), 0),
        ((2,), (1, 1), 0),
        ((2.0,), (1,), 0),
        ((1,) * 40, (1,) * 40, 0),
        ([2], [1], 0),
        ((1,), (1,), 4),
    ],
)
def test_tensors_outside_their_storage_are_refused(save, shape, strides, offset):
    refuse(save([TensorLike(Storage("0", np.zeros(4, np.float32)), shape, strides, offset)]), "tensor")


@pytest.mark.parametrize("count", [3, 5, -1, 2**40])
def test_storages_of_another_size_are_refused(save, count):
    refuse(save([TensorLike(Storage("0", np.zeros(4, np.float32), count), (1,))]), "storage 0")


def test_missing_and_unknown_storages_are_refused(save):
    tensor = [TensorLike(Storage("0", np.zeros(4, np.float32)), (4,))]
    refuse(save(tensor, without=["archive/data/0"]), "storage 0 is missing")
    refuse(save([TensorLike(Storage("0", np.zeros(4, np.uint16), name="BFloat16Storage"), (4,))]), "BFloat16Storage")


def test_code_in_a_checkpoint_is_refused_by_name_and_not_run(save, tmp_path):
    program = b"\x80\x02cposix\nsystem\nX\x0d\x00\x00\x00touch /tmp/no\x85R."
    refuse(save(None, program=program), "posix.system")


def test_training_arguments_in_a_checkpoint_are_refused_by_name(save):
    refuse(save({"args": types.SimpleNamespace(lr=0.1)}), "SimpleNamespace")


def test_zip_bombs_are_refused(save):
    bomb = {"archive/data/9": bytes(50_000_000)}
    refuse(save({"a": 1}, zipfile.ZIP_DEFLATED, extra=bomb.items()), "times its size")


def test_archives_that_are_none_of_torchs_are_refused(save, tmp_path):
    refuse(save({}, without=["archive/data.pkl"]), "exactly one")
    refuse(save({}, extra={"other/data.pkl": b"\x80\x02N."}.items()), "exactly one")
    refuse(save({}, zipfile.ZIP_BZIP2), "unusual")
    other = tmp_path / "other.th"
    other.write_bytes(pickle.dumps({"a": 1}, 2))
    refuse(other, "old checkpoint format")
    other.write_bytes(b"hello")
    refuse(other, "not a torch checkpoint")
    refuse(tmp_path / "absent.th", "cannot be read")
    refuse(tmp_path, "cannot be read")


def test_truncated_and_damaged_checkpoints_are_refused(save, tmp_path):
    whole = save({"w": TensorLike(Storage("0", np.arange(64, dtype=np.float32)), (64,))}).read_bytes()
    path = tmp_path / "damaged.th"
    for length in range(8, len(whole), 7):
        path.write_bytes(whole[:length])
        refuse(path, "damaged")
    place = whole.index(np.arange(64, dtype=np.float32).tobytes()) + 100
    path.write_bytes(whole[:place] + b"\xaa" + whole[place + 1 :])
    refuse(path, "CRC")


def test_any_damaged_byte_gives_data_or_one_clear_line(save, tmp_path):
    whole = bytearray(save({"w": TensorLike(Storage("0", np.arange(8, dtype=np.float32)), (8,))}).read_bytes())
    path, rng = tmp_path / "damaged.th", np.random.default_rng(0)
    for _ in range(1500):
        damaged = whole.copy()
        damaged[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_torch_checkpoint(path)
        except UserError as refusal:
            assert "\n" not in str(refusal)
