// SPDX-License-Identifier: Apache-2.0
#include "ops/append.h"

#include <utility>

#include "ops/check.h"
#include "ops/operator.h"

namespace adabin::ops {

void SetInput(ir::Plan* plan, Shape input) {
  ir::Step step;
  step.kind = ir::StepKind::kReshape;
  CheckShape(step, input.c, input.h, input.w);
  plan->input = input;
  plan->values.assign(1, input);
}

int Append(ir::Plan* plan, ir::Step step) {
  const Operator& op = OperatorOf(step.kind);
  const int defined = static_cast<int>(plan->values.size());
  if (step.input < 0 || step.input >= defined || step.second < -1 || step.second >= defined) {
    Fail(step, "reads a value that does not exist");
  }
  // Who reads a second operand compares its shape; a step of another kind has none.
  if (step.second != -1 && !op.takes_second) Fail(step, "takes no second operand");
  plan->values.push_back(op.infer(*plan, &step));
  plan->steps.push_back(std::move(step));
  return defined;
}

}  // namespace adabin::ops
