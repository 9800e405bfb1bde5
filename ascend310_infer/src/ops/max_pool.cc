// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"
#include "ops/tail.h"

namespace adabin::ops {

const Operator kMaxPool = {
    .kind = graph::StepKind::kMaxPool,
    .mindir = {"MaxPool", "MaxPoolWithArgmaxV2", "AdaptiveMaxPool2D", "Squeeze"},
    .words = "MaxPool, AdaptiveMaxPool2D",
    .match = MatchMaxPool,
    .parse = ParsePool,
    .infer = InferPool,
    .passes_values = true,
    .fields = PoolFields,
    .fuse = FuseTail,
    .emit = EmitPool};

}  // namespace adabin::ops
