// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {

graph::Plan DropReshapes(graph::Plan plan) {
  Rewrite rewrite(std::move(plan));
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const graph::Step& step = rewrite.step(i);
    if (step.kind == graph::StepKind::kReshape && step.shape == rewrite.ShapeOf(step.input())) {
      rewrite.Replace(i, step.input());
    }
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
