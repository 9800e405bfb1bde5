# SPDX-License-Identifier: Apache-2.0
"""What the installed MindSpore says of the platforms of an operator. scripts/write_devices.py uses this.

Read from the files of the package, nothing is imported: the section "Supported Platforms" in the operator's
documentation, or in that of the function that it refers to; and whether its name stands in a plug-in, the library with
a platform's kernels.
"""

import functools
import importlib.util
import mmap
import re
from dataclasses import dataclass
from pathlib import Path

MINDSPORE = Path(importlib.util.find_spec("mindspore").origin).parent
PLATFORMS = ("Ascend", "GPU", "CPU")
CLASSES = ("ops/auto_generate/gen_ops_prim.py", "ops/operations/**/*.py")
FUNCTIONS = ("ops/auto_generate/gen_ops_def.py", "ops/auto_generate/gen_extend_func.py", "ops/function/*.py")
PLUGINS = {  # libraries with the names of a platform's kernels
    "Ascend": ("lib/plugin/libmindspore_ops_ascend.so", "lib/plugin/ascend/libmindspore_graph_ir.so"),
    "GPU": ("lib/plugin/libmindspore_gpu.so.11.6",),
    "CPU": ("lib/plugin/libmindspore_ops_cpu.so",),
}
DOCUMENTED = r'^(?:class|def) {name}\([^\n]*(?:\n[^\n"]+)*?:\n\s+r?"""(.*?)"""'
SECTION = re.compile(r"Supported Platforms:\s*\n((?:\s*``\w+``)+)")
REFERS = re.compile(r"[Rr]efer to :(?:func|class):`mindspore\.(?:ops|mint)\.(?:[a-z_]+\.)?(\w+)`")
KERNEL = {
    platform: re.compile(rb"pyboost\d+(\w+?)%sE\0|(?<=\0)((?!N\d)[A-Z]\w{2,40})(?=\0)" % platform.encode())
    for platform in PLATFORMS
}
# Gradients that are not called after what they are the gradient of.
GRADIENTS = {
    "Conv2DBackpropFilter": "Conv2D",
    "Conv2DBackpropInput": "Conv2D",
    "MaxPool3DGradWithArgmax": "MaxPool3DWithArgmax",
    "SplitWithSize": "Concat",
}
# Operators without documentation in our graphs only as parts of a documented function.
PARTS_OF = {"AllFinite": "amp.all_finite", "LessScalar": "amp.all_finite"}


@dataclass(frozen=True)
class Statement:
    """Platforms that MindSpore's documentation names, and whose: `by` is an operator or a function."""

    platforms: tuple
    by: str


@functools.cache
def _texts(patterns):
    return [path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(MINDSPORE.glob(pattern))]


@functools.cache
def _documentation(name, patterns):
    """Documentation of each class or function of this name; in one file, a later definition is another version."""
    pattern = re.compile(DOCUMENTED.format(name=re.escape(name)), re.MULTILINE | re.DOTALL)
    return [found.group(1) for text in _texts(patterns) if f" {name}(" in text for found in pattern.finditer(text)]


def _named(text):
    """Platforms that a text names, in the order of `PLATFORMS`; None where it has no such section."""
    found = SECTION.search(text)
    return tuple(name for name in PLATFORMS if f"``{name}``" in found.group(1)) if found else None


def _own_statement(name):
    documentation = _documentation(name, CLASSES)
    for text in documentation:
        platforms = _named(text)
        if platforms:
            return Statement(platforms, name)
    for function in dict.fromkeys(word for text in documentation for word in REFERS.findall(text)):
        for text in (*_documentation(function, FUNCTIONS), *_documentation(function, CLASSES)):
            platforms = _named(text)
            if platforms:
                return Statement(platforms, f"ops.{function}")
    return None


def forward_of(name):
    """What an operator is the gradient of, or None."""
    forward = GRADIENTS.get(name) or re.sub(r"Grad(V2)?$", "", name)
    if forward == name:
        return None
    known = re.compile(rf"^class ({re.escape(forward)})\(", re.MULTILINE | re.IGNORECASE)
    return next((found.group(1) for text in _texts(CLASSES) if (found := known.search(text))), None)


@functools.cache
def statement(name):
    """The `Statement` about an operator: its own, that of the function it refers to, or for a gradient without one that
    of the operator it is the gradient of; None: MindSpore says nothing.
    """
    if name in PARTS_OF:
        module, _, function = PARTS_OF[name].rpartition(".")
        texts = _documentation(function, (f"{module}.py",))
        return next((Statement(_named(text), PARTS_OF[name]) for text in texts if _named(text)), None)
    if name in GRADIENTS:
        return _own_statement(GRADIENTS[name])
    return _own_statement(name) or (_own_statement(forward_of(name)) if forward_of(name) else None)


@functools.cache
def _kernels(platform):
    """Names of a platform's kernels, and other words of its plug-in; None where the plug-in is absent."""
    paths = [MINDSPORE / path for path in PLUGINS[platform] if (MINDSPORE / path).is_file()]
    if not paths:
        return None
    found = set()
    for path in paths:
        with open(path, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found.update(b"".join(match.groups(b"")).decode() for match in KERNEL[platform].finditer(content))
    return found


def has_kernel(name, platform):
    """Whether a platform's plug-in holds the operator's kernel, as far as its texts tell; None where it is absent.

    A class <name><platform> of those that run operators one by one, or the name as a text of its own.
    """
    return None if _kernels(platform) is None else name in _kernels(platform)
