// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_LOWER_SIMPLIFY_H_
#define ADABIN_LOWER_SIMPLIFY_H_

#include "ir/plan.h"

namespace adabin::lower {

// The same network with fewer steps: reshapes that change nothing go, BatchNorm and bias around a
// dense layer become part of its weights, and a dense layer on a flattened map becomes the
// convolution with a kernel as large as the map, which reads it as it lies in memory.
ir::Plan Simplify(const ir::Plan& plan);

}  // namespace adabin::lower

#endif  // ADABIN_LOWER_SIMPLIFY_H_
