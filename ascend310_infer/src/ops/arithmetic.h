// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_ARITHMETIC_H_
#define ADABIN_OPS_ARITHMETIC_H_

#include "ops/operator.h"

namespace adabin::ops {

// Add, Sub, Mul and the like of two tensors, of which one may have a single element where the other
// has several.
graph::Step ParseArithmetic(const Source& source);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_ARITHMETIC_H_
