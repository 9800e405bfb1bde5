// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrite.h"

#include <utility>

#include "ops/append.h"

namespace adabin::passes {

graph::Plan Rewrite::Finish() {
  if (!changed_) return std::move(plan_);
  graph::Plan plan;
  ops::SetInput(&plan, plan_.values[0]);
  plan.input_names = std::move(plan_.input_names);
  plan.output_names = std::move(plan_.output_names);
  std::vector<int> number(plan_.values.size(), 0);  // in the new plan
  const auto renumber = [&](int* value) { *value = number[static_cast<size_t>(*value)]; };
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    if (gone_[i]) {
      const int other = replaced_by_[i + 1];
      if (other >= 0) number[i + 1] = number[static_cast<size_t>(other)];
      continue;
    }
    for (int& input : plan_.steps[i].inputs) renumber(&input);
    number[i + 1] = ops::Append(&plan, std::move(plan_.steps[i]));
  }
  plan.outputs = std::move(plan_.outputs);
  for (int& output : plan.outputs) renumber(&output);
  return plan;
}

}  // namespace adabin::passes
