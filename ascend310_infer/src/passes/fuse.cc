// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse.h"

#include "ops/operator.h"

namespace adabin::passes {

ir::Fusion Fuse(const ir::Plan& plan, bool float_binary) {
  const ir::PlanReaders readers(plan);
  const ir::Fusing fusing{plan, readers, float_binary};
  ir::Fusion fusion = FuseNothing(plan);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const ops::Operator& op = ops::OperatorOf(plan.steps[i].kind);
    if (fusion.inside[i] || op.fuse == nullptr) continue;
    ir::Pass& pass = fusion.passes[i];
    op.fuse(fusing, plan.steps[i], &pass);
    for (const int other : {pass.average, pass.pool, pass.affine, pass.activation, pass.pad}) {
      if (other >= 0) fusion.inside[static_cast<size_t>(other)] = true;
    }
  }
  return fusion;
}

ir::Fusion FuseNothing(const ir::Plan& plan) {
  return {std::vector<ir::Pass>(plan.steps.size()), std::vector<bool>(plan.steps.size(), false)};
}

}  // namespace adabin::passes
