// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

bool IsPool(const Step& step) {
  return step.kind == StepKind::kMaxPool || step.kind == StepKind::kAvgPool;
}

bool TakesEveryNthPixel(const Step& step) {
  const ConvGeometry& g = step.geometry;
  return IsPool(step) && g.taps() == 1 && g.pad_top == 0 && g.pad_left == 0 && g.pad_bottom == 0 &&
         g.pad_right == 0;
}

}  // namespace

// The first looks at every pixel of its map: then the windows of the one that both are lie n pixels
// apart.
graph::Plan MergePools(graph::Plan plan) {
  Rewrite rewrite(std::move(plan));
  for (size_t i = 0; i < rewrite.size(); ++i) {
    if (!TakesEveryNthPixel(rewrite.step(i))) continue;
    const int own = rewrite.OwnProducer(rewrite.step(i).input());
    if (own < 0) continue;
    const auto pool = static_cast<size_t>(own);
    const ConvGeometry inner = rewrite.step(pool).geometry;
    if (!IsPool(rewrite.step(pool)) || inner.stride_h != 1 || inner.stride_w != 1) continue;
    const ConvGeometry outer = rewrite.step(i).geometry;
    rewrite.Move(pool, i);
    rewrite.step(i).geometry.stride_h = outer.stride_h;
    rewrite.step(i).geometry.stride_w = outer.stride_w;
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
