// SPDX-License-Identifier: Apache-2.0
#include "schedule/plan_readers.h"

namespace adabin::schedule {

PlanReaders::PlanReaders(const ir::Plan& plan) : plan_(plan), readers_(plan.values.size()) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const int value : {plan.steps[i].input, plan.steps[i].second}) {
      if (value >= 0) readers_[static_cast<size_t>(value)].push_back(static_cast<int>(i));
    }
  }
  for (const int output : plan.outputs) readers_[static_cast<size_t>(output)].push_back(-1);
}

const ir::Step* PlanReaders::Only(int value, ir::StepKind kind) const {
  const std::vector<int>& readers = Of(value);
  if (readers.size() != 1 || readers[0] < 0) return nullptr;
  const ir::Step& step = plan_.steps[static_cast<size_t>(readers[0])];
  return step.kind == kind && step.input == value ? &step : nullptr;
}

}  // namespace adabin::schedule
