// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "passes/passes.h"
#include "passes/translate.h"

namespace adabin::passes {

ir::Plan RoundConstants(ir::Plan plan) {
  for (ir::Step& step : plan.steps) {
    for (double& value : step.scale) value = static_cast<float>(value);
    for (double& value : step.shift) value = static_cast<float>(value);
  }
  return plan;
}

ir::Plan Recognized(ir::Graph graph) { return RecognizeBinary(Translate(std::move(graph))); }

ir::Plan Simplify(ir::Plan plan) {
  for (const auto pass :
       {DropReshapes, MergePools, FoldConvolutions, Attach, FoldDense, RoundConstants}) {
    plan = pass(std::move(plan));
  }
  return plan;
}

}  // namespace adabin::passes
