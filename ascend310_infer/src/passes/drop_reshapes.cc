// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {

ir::Plan DropReshapes(ir::Plan plan) {
  Rewrite rewrite(std::move(plan));
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const ir::Step& step = rewrite.step(i);
    if (step.kind == ir::StepKind::kReshape && step.shape == rewrite.ShapeOf(step.input())) {
      rewrite.Replace(i, step.input());
    }
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
