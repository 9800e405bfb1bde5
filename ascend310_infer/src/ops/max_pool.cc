// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"
#include "ops/tail.h"

namespace adabin::ops {

const Operator kMaxPool = {.kind = ir::StepKind::kMaxPool,
                           .mindir = {"MaxPool"},
                           .words = "MaxPool",
                           .parse = ParsePool,
                           .infer = InferPool,
                           .passes_values = true,
                           .fields = PoolFields,
                           .fuse = FuseTail,
                           .emit = EmitPool};

}  // namespace adabin::ops
