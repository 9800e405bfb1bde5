// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse.h"

#include "ops/operator.h"

namespace adabin::passes {

graph::Fusion Fuse(const graph::Plan& plan, bool float_binary) {
  const graph::PlanReaders readers(plan);
  const graph::Fusing fusing{plan, readers, float_binary};
  graph::Fusion fusion = FuseNothing(plan);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const ops::Operator& op = ops::OperatorOf(plan.steps[i].kind);
    if (fusion.inside[i] || op.fuse == nullptr) continue;
    graph::Pass& pass = fusion.passes[i];
    op.fuse(fusing, plan.steps[i], &pass);
    for (const int other : {pass.average, pass.pool, pass.affine, pass.activation, pass.pad}) {
      if (other >= 0) fusion.inside[static_cast<size_t>(other)] = true;
    }
  }
  return fusion;
}

graph::Fusion FuseNothing(const graph::Plan& plan) {
  return {std::vector<graph::Pass>(plan.steps.size()), std::vector<bool>(plan.steps.size(), false)};
}

}  // namespace adabin::passes
