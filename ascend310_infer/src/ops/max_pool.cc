// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

namespace adabin::ops {

const Operator kMaxPool = {.kind = ir::StepKind::kMaxPool,
                           .mindir = {"MaxPool"},
                           .words = "MaxPool",
                           .match = MatchPool,
                           .parse = ParsePool,
                           .infer = InferPool,
                           .fields = PoolFields,
                           .emit = EmitPool};

}  // namespace adabin::ops
