// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

namespace adabin::ops {

const Operator kMaxPool = {
    .kind = ir::StepKind::kMaxPool,
    .mindir = {"MaxPool", "MaxPoolWithArgmaxV2", "AdaptiveMaxPool2D", "Squeeze"},
    .words = "MaxPool, AdaptiveMaxPool2D",
    .match = MatchMaxPool,
    .parse = ParsePool,
    .infer = InferPool,
    .fields = PoolFields,
    .emit = EmitPool};

}  // namespace adabin::ops
