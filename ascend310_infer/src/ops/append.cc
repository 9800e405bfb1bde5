// SPDX-License-Identifier: Apache-2.0
#include "ops/append.h"

#include <utility>

#include "ops/check.h"
#include "ops/operator.h"

namespace adabin::ops {

void SetInput(graph::Plan* plan, const TensorShape& input) {
  graph::Step step;
  step.kind = graph::StepKind::kReshape;
  CheckShape(step, input);
  if (!input.has_channels()) Fail(step, "the network's input is neither a map nor a vector");
  plan->input = input.map();
  plan->values.assign(1, input);
}

int Append(graph::Plan* plan, graph::Step step) {
  const Operator& op = OperatorOf(step.kind);
  const int defined = static_cast<int>(plan->values.size());
  for (const int input : step.inputs) {
    if (input < 0 || input >= defined) Fail(step, "reads a value that does not exist");
  }
  // Who reads several operands compares their shapes; a step of another kind has one.
  if (static_cast<int>(step.inputs.size()) > op.max_inputs) {
    Fail(step, op.max_inputs == 1 ? "takes no second operand" : "has too many operands");
  }
  if (step.inputs.empty() && op.max_inputs > 0) Fail(step, "has no operand");
  plan->values.push_back(op.infer(*plan, &step));
  plan->steps.push_back(std::move(step));
  return defined;
}

}  // namespace adabin::ops
