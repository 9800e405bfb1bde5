# SPDX-License-Identifier: Apache-2.0
"""C++ functions of the kernel library as MindSpore primitives.

They work on CPU in GRAPH and PYNATIVE mode. A primitive has no gradient of its own: the Cells that use it have a
`bprop`, which may not use Parameters, so everything is handed to `construct`.
"""

from mindspore import dtype as mstype
from mindspore import ops

from adabin.cpu.library import library_path


def operator(name, outputs, shapes, variant=""):
    """A C++ function as a primitive with float32 results.

    Args:
        name (str): of the function.
        outputs (int): number of results; more than one come as a tuple.
        shapes: function of the inputs' shapes that returns the results' shapes.
        variant (str): what else that function depends on. MindSpore keeps results of `shapes` by name, attributes and
            inputs' shapes, so that without it two strides would share one result.
    """

    def dtypes(*inputs):
        if any(kind in str(given) for given in inputs for kind in ("Float16", "Float64")):  # BFloat16, too
            raise TypeError(f"the CPU kernels compute in float32 alone ({name}); give that, or leave accelerate() out")
        return (mstype.float32,) * outputs if outputs > 1 else mstype.float32

    primitive = ops.Custom(f"{library_path()}:{name}", out_shape=shapes, out_dtype=dtypes, func_type="aot")
    primitive.add_prim_attr("variant", variant)
    return primitive
