// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "ops/pooling.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

// A NaN anywhere in the window comes out.
void Compute(const Formula& f) {
  const ConvGeometry& g = f.step.geometry;
  const size_t pixels = f.in[0].x.size() / static_cast<size_t>(g.in.c);
  ForEachOutput(g, [&](size_t c, int oh, int ow, size_t i) {
    f.z[i] = -std::numeric_limits<float>::infinity();
    ForEachTap(g, oh, ow, [&](size_t, size_t pixel) {
      const float x = f.in[0].x[c * pixels + pixel];
      if (x > f.z[i] || std::isnan(x)) f.z[i] = x;
    });
  });
}

}  // namespace

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
    .emit = EmitPool,
    .formula = Compute};

}  // namespace adabin::ops
