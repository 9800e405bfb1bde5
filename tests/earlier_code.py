# SPDX-License-Identifier: Apache-2.0
"""Hold a rebuilt program to the bytes of an earlier one: runs resumed, checkpoints of every network exported.

    python tests/earlier_code.py make DIR      with the code before: run folders, checkpoints, exports
    python tests/earlier_code.py check DIR     with the code after: resumes, loads and exports them again

Calls the entry points alone, so that it runs in any checkout: copy it into one that does not have it. `make` trains
each kind of run, one that is stopped in the middle and one to its end; `check` resumes a copy of the stopped one.
Compared are the bytes of last.ckpt and best.ckpt without their description, the columns of metrics.csv that are no
times, and the operators, attributes and constants of the exported files.
"""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "--network=resnet8", "--train_size=120", "--test_size=40", "--batch_size=20", "--eval_batch_size=40",
    "--log_steps=1",
)  # fmt: skip
SHAPES = ("--config_path", ROOT / "config" / "resnet20_shapes.yaml", *SMALL)
RUNS = {  # name: flags of train.py
    "plain": SHAPES,
    "plain_operators": (*SHAPES, "--cpu_kernels=off"),
    "ema": (*SHAPES, "--ema_decay=0.9", "--clip_norm=1.0", "--label_smoothing=0.1"),
    "accumulation": (*SHAPES, "--accumulation=2", "--optimizer=adam", "--decay_exclude=[batch_norm, alpha]"),
    "half": (*SHAPES, "--amp_level=O2"),
    "pictures": (
        "--config_path", ROOT / "config" / "resnet20_pictures.yaml", "--network=resnet8", "--batch_size=10",
        "--data_path=drawn", "--seed=7", "--image_size=32",
    ),
    "steps": (*SHAPES, "--teacher=teacher.ckpt", "--steps=['w_bits=32 lr=1e-2', 'lr=1e-3']"),
    "two_workers": SHAPES,
}  # fmt: skip
NETWORKS = {  # name in the hub: more keys
    "resnet20_cifar10": {},
    "resnet18_cifar10": {},
    "vgg_small_cifar10": {},
    "resnet18_imagenet": {},
    "resnet34_imagenet": {},
    "resnet8": {"nonlinearity": "prelu"},
    "resnet20": {"binary_form": "released", "nonlinearity": "relu"},
    "standard_resnet8": {"w_bits": 32, "a_bits": 32, "nonlinearity": "relu"},
    "standard_resnet18": {"w_bits": 32, "a_bits": 32, "nonlinearity": "relu"},
}
NOT_COMPARED = ("seconds", "images_per_second", "images_per_s")  # columns of metrics.csv: times


def begin(*words, cwd):
    return subprocess.Popen(
        [str(word) for word in words], cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def call(*words, cwd):
    """Run a program of this checkout; returns its JSON line."""
    process = begin(*words, cwd=cwd)
    out, err = process.communicate()
    assert process.returncode == 0, f"{words}: {err[-3000:]}"
    lines = out.strip().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None


def training(name, *flags):
    """Command line of a training of this name."""
    if name == "two_workers":
        logs = f"logs_{os.urandom(4).hex()}"
        return ["bash", ROOT / "scripts/run_distribute_train.sh", 2, *flags, "--log_path", logs]
    return [sys.executable, ROOT / "train.py", *flags]


def stop_after_an_epoch(*words, cwd):
    process = begin(*words, cwd=cwd)
    while not list(cwd.glob("outputs/**/last.ckpt")):
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, "it had ended already"


def draw_pictures(folder):
    import cv2
    import numpy as np

    rng = np.random.default_rng(7)
    for label, color in (("cat", 60), ("dog", 200)):
        (folder / label).mkdir(parents=True)
        for index in range(20):
            picture = np.clip(rng.normal(color, 40, (40, 48, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{index}.png"), picture)


def parameters(path):
    """Name to SHA-256 of every tensor of a checkpoint, in their order."""
    import mindspore as ms

    content = ms.load_checkpoint(str(path))
    return [
        (name, hashlib.sha256(value.asnumpy().tobytes()).hexdigest())
        for name, value in content.items()
        if isinstance(value, ms.Tensor)
    ]


def contents(run):
    """What is compared of a run folder."""
    found = {}
    for path in sorted(run.rglob("*.ckpt")):
        found[str(path.relative_to(run))] = parameters(path)
    for path in sorted(run.rglob("metrics.csv")):
        with open(path, newline="", encoding="utf-8") as handle:
            rows = [{k: v for k, v in row.items() if k not in NOT_COMPARED} for row in csv.DictReader(handle)]
        found[str(path.relative_to(run))] = rows
    return found


def operators(path):
    """Operators with inputs and attributes, and constants, of a MindIR.

    Without names that say where they were made; constants in the order of their use, and what an UpdateState waits for
    in any: both are listed in the order in which MindSpore compiled functions, which says nothing to a reader.
    """
    from mindspore.train import mind_ir_pb2

    model = mind_ir_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    numbers, lines = {}, []

    def number(name):
        return numbers.setdefault(name, len(numbers))

    def plain(attribute):
        copy = mind_ir_pb2.AttributeProto()
        copy.CopyFrom(attribute)
        return copy.SerializeToString(deterministic=True).hex()[:400]

    for graph in (model.graph, *model.functions):
        awaited = {name for node in graph.node if node.op_type.startswith("REF::UpdateState") for name in node.input}
        for node in graph.node:
            inputs = [number(name) for name in node.input]
            if node.op_type.startswith("REF::MakeTuple") and awaited.intersection(node.output):
                inputs.sort()
            attributes = sorted(plain(a) for a in node.attribute if a.name not in ("shape", "cnode_name"))
            outputs = [number(name) for name in node.output]
            lines.append(f"{node.op_type} {inputs} {outputs} {hashlib.sha256(repr(attributes).encode()).hexdigest()}")
        for tensor in sorted(graph.parameter, key=lambda tensor: number(tensor.name)):
            digest = hashlib.sha256(tensor.raw_data).hexdigest()
            lines.append(f"constant {number(tensor.name)} {list(tensor.dims)} {tensor.data_type} {digest}")
    return lines


MAKE_CHECKPOINT = """
import sys, json
from mindspore_hub_conf import create_network
import mindspore as ms
ms.set_seed(5)
network = create_network(sys.argv[1], **json.loads(sys.argv[2]))
parameters = {n: p for n, p in network.parameters_dict().items() if not n.endswith(("estimator_k", "estimator_t"))}
ms.save_checkpoint(list({"name": n, "data": p} for n, p in parameters.items()), sys.argv[3])
"""


def export_all(folder, exports):
    exports.mkdir()
    for name, keys in NETWORKS.items():
        recipe = ROOT / "config" / f"{name}.yaml"
        where = ("--config_path", recipe if recipe.is_file() else ROOT / "config" / "base.yaml")
        network = () if recipe.is_file() else (f"--network={name}",)
        flags = (*where, *network, *(f"--{key}={value}" for key, value in keys.items()))
        call(
            sys.executable, ROOT / "export.py", "--ckpt_path", folder / f"{name}.ckpt", *flags, "--check_images=0",
            "--file_name", exports / name, "--file_format=MINDIR", cwd=folder,
        )  # fmt: skip
        print("exported", name, flush=True)


def only_run(folder):
    (path,) = (p.parent for p in folder.glob("outputs/*/*/config.yaml"))
    return path


def make(folder):
    folder.mkdir(parents=True)
    draw_pictures(folder / "drawn")
    teacher = call(
        sys.executable, ROOT / "train.py", *SHAPES, "--w_bits=32", "--a_bits=32", "--epochs=1", "--output_path=teacher",
        cwd=folder,
    )  # fmt: skip
    shutil.copy(folder / teacher["run"] / "best.ckpt", folder / "teacher.ckpt")
    for name, flags in RUNS.items():
        begun = folder / name / "begun"
        begun.mkdir(parents=True)
        for path in ("drawn", "teacher.ckpt"):
            (begun / path).symlink_to(folder / path)
        done = folder / name / "done"
        shutil.copytree(begun, done, symlinks=True)
        stop_after_an_epoch(*training(name, *flags, "--epochs=3"), cwd=begun)
        call(*training(name, *flags, "--epochs=3"), cwd=done)
        (folder / name / "contents.json").write_text(json.dumps(contents(only_run(done))))
        print("made", name, flush=True)
    for name, keys in NETWORKS.items():
        call(sys.executable, "-c", MAKE_CHECKPOINT, name, json.dumps(keys), folder / f"{name}.ckpt", cwd=folder)
    export_all(folder, folder / "exports")


def check(folder):
    wrong = []
    for name in RUNS:
        now = folder / name / "now"
        shutil.rmtree(now, ignore_errors=True)
        shutil.copytree(folder / name / "begun", now, symlinks=True)
        call(*training(name, "--resume", only_run(now).relative_to(now)), cwd=now)
        before = json.loads((folder / name / "contents.json").read_text())
        after = json.loads(json.dumps(contents(only_run(now))))
        for file in sorted({*before, *after}):
            if before.get(file) != after.get(file):
                wrong.append(f"{name}/{file}")
        print("resumed", name, flush=True)
    shutil.rmtree(folder / "exports_now", ignore_errors=True)
    export_all(folder, folder / "exports_now")
    for name in NETWORKS:
        if operators(folder / "exports" / f"{name}.mindir") != operators(folder / "exports_now" / f"{name}.mindir"):
            wrong.append(f"export {name}")
    print(json.dumps({"compared": len(RUNS) + len(NETWORKS), "different": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    import src  # noqa: F401 - prepares the environment for MindSpore

    sys.exit({"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]).resolve()))
