# SPDX-License-Identifier: Apache-2.0
"""The authors' checkpoint in MindSpore: nothing lost, nothing run, and its published accuracy."""

import json
import pickle
import shutil
import struct
import zipfile

import numpy as np
import pytest

import eval as evaluation
from adabin.utils.checkpoint import read_checkpoint
from adabin.utils.config import read_config
from adabin.utils.torch_checkpoint import read_torch_checkpoint
from tests.programs import ROOT, call, refusal_of, result_of

CIFAR10 = ROOT / "config" / "resnet20_cifar10.yaml"


@pytest.fixture(scope="module")
def authors(test_data):
    return test_data / "adabin_reference" / "resnet20_w1a1_cifar10.th"


def convert(path, folder, *flags):
    return call(
        "scripts/convert_torch_checkpoint.py", "--torch_path", path, "--config_path", CIFAR10,
        "--ckpt_path", folder / "net.ckpt", *flags, cwd=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def converted(authors, tmp_path_factory):
    """(folder with net.ckpt and config.yaml, what the program printed)."""
    folder = tmp_path_factory.mktemp("converted")
    return folder, result_of(convert(authors, folder))


def test_every_tensor_arrives_unchanged(authors, converted):
    folder, result = converted
    state = read_torch_checkpoint(authors)["state_dict"]
    metadata, tensors = read_checkpoint(folder / "net.ckpt")
    counters = [name for name in state if name.endswith("num_batches_tracked")]
    assert (result["tensors"], result["left_out"]) == (len(tensors), len(counters)) == (175, 20)
    renamed = {"running_mean": "moving_mean", "running_var": "moving_variance", "weight": "gamma", "bias": "beta"}
    for name, value in state.items():
        if name in counters:
            continue
        owner, _, kind = name.removeprefix("module.").rpartition(".")
        is_norm = f"module.{owner}.running_mean" in state
        found = tensors.pop(f"{owner}.{renamed[kind] if is_norm else kind}")
        assert found.dtype == np.float32 and found.tobytes() == value.tobytes(), name
    assert not tensors
    assert metadata["binary_form"] == "released" and metadata["dataset"] == "cifar10"
    assert metadata["recorded_top1"] == result["recorded_top1"] == pytest.approx(0.880208, abs=1e-6)
    assert read_config(folder / "config.yaml").binary_form == "released"


def test_the_converted_checkpoint_has_the_authors_accuracy_and_decisions(converted, test_data, cifar10_dir):
    folder, _ = converted
    flags = ["--ckpt_path", folder / "net.ckpt", "--data_path", cifar10_dir, "--logits_path", folder / "logits.npy"]
    result = evaluation.main([str(flag) for flag in flags])
    json.dumps(result)
    assert result["images"] == 10_000 and result["dataset"] == "cifar10"
    assert 0.8790 <= result["top1"] <= 0.8805
    golden = np.load(test_data / "adabin_reference" / "resnet20_w1a1_cifar10_test_logits.npy")
    logits = np.load(folder / "logits.npy")
    assert logits.shape == golden.shape and logits.dtype == np.float32
    assert np.mean(logits.argmax(axis=1) == golden.argmax(axis=1)) >= 0.996
    assert np.median(np.abs(logits - golden).max(axis=1)) < 1e-3 * np.abs(golden).max()


def test_the_other_binary_form_is_refused_for_it(converted):
    folder, _ = converted
    line = refusal_of(call("eval.py", "--ckpt_path", folder / "net.ckpt", "--config_path", CIFAR10, "--dataset=shapes",
                           "--test_size=10", cwd=folder))  # fmt: skip
    assert "made with binary_form=released, the config says paper; give --binary_form=released" in line


def test_nothing_is_replaced_without_force(authors, converted, tmp_path):
    for name in ("net.ckpt", "config.yaml"):
        (tmp_path / name).write_text("precious")
        line = refusal_of(convert(authors, tmp_path))
        assert f"{tmp_path / name}: exists already" in line and "--force" in line
        assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]
        (tmp_path / name).unlink()


# A pickle's instructions, enough for a state_dict; see pickletools in the standard library.
MARK, STOP, TUPLE, SETITEMS, REDUCE, BINPERSID, EMPTY_DICT, EMPTY_TUPLE = b"(", b".", b"t", b"u", b"R", b"Q", b"}", b")"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value)


def integers(values):
    return MARK + b"".join(map(integer, values)) + TUPLE


def glob(module, name):
    return f"c{module}\n{name}\n".encode()


def save(path, tensors):
    """Write float32 arrays as torch.save writes a state_dict."""
    program = [b"\x80\x02", EMPTY_DICT, MARK]
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, value) in enumerate(tensors.items()):
            key, strides = str(number), [stride // 4 for stride in value.strides]
            identity = text("storage") + glob("torch", "FloatStorage") + text(key) + text("cpu") + integer(value.size)
            arguments = MARK + identity + TUPLE + BINPERSID + integer(0) + integers(value.shape) + integers(strides)
            arguments += b"\x89" + glob("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE
            program += [text(name), glob("torch._utils", "_rebuild_tensor_v2"), MARK, arguments, TUPLE, REDUCE]
            archive.writestr(f"net/data/{key}", value.tobytes())
        archive.writestr("net/data.pkl", b"".join([*program, SETITEMS, STOP]))
    return path


@pytest.fixture(scope="module")
def state():
    """Right tensors of a small network (resnet8), random, under the authors' names."""
    rng, shapes = np.random.default_rng(1), {}

    def norm(name, channels):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{kind}"] = (channels,)

    def block(name, before, channels, half):
        shapes[f"{name}.conv{half}.weight"] = (channels, before, 3, 3)
        shapes[f"{name}.conv{half}.binary_a.alpha_a"] = shapes[f"{name}.conv{half}.binary_a.beta_a"] = ()
        norm(f"{name}.bn{half}", channels)
        for kind in ("pos_scale", "neg_scale"):
            shapes[f"{name}.nonlinear{half}.{kind}"] = (channels,)

    shapes |= {"conv1.weight": (16, 3, 3, 3), "nonlinear1.pos_scale": (16,), "nonlinear1.neg_scale": (16,)}
    norm("bn1", 16)
    for stage, (before, channels) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
        block(f"layer{stage}.0", before, channels, 1)
        block(f"layer{stage}.0", channels, channels, 2)
    norm("bn2", 64)
    shapes |= {"linear.weight": (10, 64), "linear.bias": (10,)}
    return {f"module.{name}": np.asarray(rng.normal(size=shape), np.float32) for name, shape in shapes.items()}


def test_a_checkpoint_written_by_hand_converts(state, tmp_path):
    path = save(tmp_path / "hand.th", state)
    back = read_torch_checkpoint(path)
    assert back.keys() == state.keys() and all(back[k].tobytes() == state[k].tobytes() for k in state)
    result = result_of(convert(path, tmp_path, "--network=resnet8", "--binary_form=paper"))
    assert result["tensors"] == len(state) and result["binary_form"] == "paper" and "recorded_top1" not in result


def change_shape(state):
    state["module.layer2.0.conv1.weight"] = np.zeros((32, 16, 5, 5), np.float32)


def remove(state):
    del state["module.layer3.0.conv2.binary_a.beta_a"]


def add(state):
    state["module.layer1.0.shortcut.weight"] = np.zeros((16, 16, 1, 1), np.float32)


@pytest.mark.parametrize(
    "spoil, parts",
    [
        (change_shape, ["layer2.0.conv1.weight is (32, 16, 5, 5) there and (32, 16, 3, 3) here"]),
        (remove, ["it has no tensor layer3.0.conv2.binary_a.beta_a"]),
        (add, ["its tensor layer1.0.shortcut.weight has no place here"]),
        (dict.clear, ["holds no state_dict"]),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_naming_the_tensor(state, tmp_path, spoil, parts):
    state = dict(state)
    spoil(state)
    path = save(tmp_path / "wrong.th", state)
    line = refusal_of(convert(path, tmp_path, "--network=resnet8"))
    assert str(path) in line and all(part in line for part in parts), line
    assert [entry.name for entry in tmp_path.iterdir()] == ["wrong.th"]


class Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return shutil.copytree, (str(ROOT / "config"), str(self.target))


def test_a_malicious_checkpoint_executes_nothing(tmp_path):
    content = pickle.dumps({"state_dict": {"module.conv1.weight": Malicious(tmp_path / "hacked")}}, 2)
    path = tmp_path / "evil.th"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", content)
    line = refusal_of(convert(path, tmp_path))
    assert f"{path}: " in line and "shutil.copytree" in line
    assert list(tmp_path.iterdir()) == [path]
    pickle.loads(content)  # the trap is real
    assert (tmp_path / "hacked" / "base.yaml").is_file()
