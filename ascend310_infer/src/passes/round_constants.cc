// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/plan_readers.h"
#include "passes/passes.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

void Round(Step* step) {
  for (double& value : step->after.scale) value = static_cast<float>(value);
  for (double& value : step->after.shift) value = static_cast<float>(value);
}

// Whether what it does may be multiplied with what an affine step beside it does.
bool HasFactors(const Step& step) {
  return step.kind == StepKind::kAffine || step.kind == StepKind::kDense || step.after.HasFactors();
}

}  // namespace

graph::Plan RoundLoneAffines(graph::Plan plan) {
  const graph::PlanReaders readers(plan);
  const auto at = [&](int number) -> const Step& {
    return plan.steps[static_cast<size_t>(number)];
  };
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    Step& step = plan.steps[i];
    if (step.kind != StepKind::kAffine) continue;
    if (step.input() > 0 && HasFactors(at(step.input() - 1))) continue;
    const std::vector<int>& after = readers.Of(static_cast<int>(i) + 1);
    if (std::ranges::none_of(after, [&](int r) { return r >= 0 && HasFactors(at(r)); })) {
      Round(&step);
    }
  }
  return plan;
}

graph::Plan RoundConstants(graph::Plan plan) {
  for (Step& step : plan.steps) Round(&step);
  return plan;
}

}  // namespace adabin::passes
