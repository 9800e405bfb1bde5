# SPDX-License-Identifier: Apache-2.0
"""C++ functions of the kernel library as MindSpore primitives.

They work on CPU in GRAPH and PYNATIVE mode. A primitive has no gradient of its own: the Cells that use it have a
`bprop`, which may not use Parameters, so everything is handed to `construct`.
"""

from mindspore import dtype as mstype
from mindspore import ops

from src.cpu.library import library_path


def operator(name, outputs, shapes):
    """A C++ function as a primitive with float32 results.

    Args:
        name (str): of the function.
        outputs (int): number of results; more than one come as a tuple.
        shapes: function of the inputs' shapes that returns the results' shapes.
    """

    def dtypes(*inputs):
        return (mstype.float32,) * outputs if outputs > 1 else mstype.float32

    return ops.Custom(f"{library_path()}:{name}", out_shape=shapes, out_dtype=dtypes, func_type="aot")
