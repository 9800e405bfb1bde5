// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

namespace adabin::ops {

const Operator kMaxPool = {.kind = ir::StepKind::kMaxPool,
                           .mindir = {"MaxPool"},
                           .words = "MaxPool",
                           .parse = ParsePool,
                           .infer = InferPool,
                           .passes_values = true,
                           .fields = PoolFields,
                           .emit = EmitPool};

}  // namespace adabin::ops
