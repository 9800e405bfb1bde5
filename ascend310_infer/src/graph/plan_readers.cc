// SPDX-License-Identifier: Apache-2.0
#include "graph/plan_readers.h"

namespace adabin::graph {

PlanReaders::PlanReaders(const Plan& plan) : plan_(plan), readers_(plan.values.size()) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const int value : plan.steps[i].inputs) {
      readers_[static_cast<size_t>(value)].push_back(static_cast<int>(i));
    }
  }
  for (const int output : plan.outputs) readers_[static_cast<size_t>(output)].push_back(-1);
}

const Step* PlanReaders::Only(int value) const {
  if (!IsReadOnce(value) || Of(value)[0] < 0) return nullptr;
  const Step& step = plan_.steps[static_cast<size_t>(Of(value)[0])];
  return step.input() == value ? &step : nullptr;
}

const Step* PlanReaders::Only(int value, StepKind kind) const {
  const Step* step = Only(value);
  return step != nullptr && step->kind == kind ? step : nullptr;
}

}  // namespace adabin::graph
