// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_APPEND_H_
#define ADABIN_OPS_APPEND_H_

#include "graph/plan.h"

namespace adabin::ops {

// Starts `plan` with its input, a map or a vector, checking the shape.
void SetInput(graph::Plan* plan, const TensorShape& input);

// Appends a step: infers geometry and output shape, checks every index, size and limit. Lowering
// and the packed file both come through here, so nothing unchecked reaches a kernel.
// Throws Error. Returns the index of the step's output value.
int Append(graph::Plan* plan, graph::Step step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_APPEND_H_
