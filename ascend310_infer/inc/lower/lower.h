// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_LOWER_LOWER_H_
#define ADABIN_LOWER_LOWER_H_

#include "ir/graph.h"
#include "ir/plan.h"

namespace adabin::lower {

// Turns an exported network into a plan: finds the binary layers, folds BatchNorm and bias into
// scale and shift, attaches residual and activation to their convolution. Throws Error naming the
// first operator that is not supported.
ir::Plan Lower(const ir::Graph& graph);

}  // namespace adabin::lower

#endif  // ADABIN_LOWER_LOWER_H_
