// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_THRESHOLD_H_
#define ADABIN_OPS_THRESHOLD_H_

#include "graph/plan.h"
#include "ops/fields.h"

namespace adabin::ops {

// What any step that binarizes has of it.
void CheckCompare(const graph::Step& step);
void BinarizerFields(Fields& fields, graph::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_THRESHOLD_H_
