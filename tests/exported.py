# SPDX-License-Identifier: Apache-2.0
"""Exports of the tests, and what stands in a MindIR."""

from mindspore.train import mind_ir_pb2

import export


def exported_by_program(run, folder, *flags):
    """Result of export.py for a run's best checkpoint, written to `folder`/net."""
    return export.main(["--ckpt_path", str(run / "best.ckpt"), "--file_name", str(folder / "net"), *flags])


def read_mindir(path):
    model = mind_ir_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    return model.graph


def operator(node):
    """Conv2D for REF::Conv2D:41."""
    return node.op_type.removeprefix("REF::").split(":")[0]
