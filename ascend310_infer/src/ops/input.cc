// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "kernels/feature_map.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;

// Before all others, so that value k is input k.
TensorShape Infer(const graph::Plan& plan, Step* step) {
  if (!plan.steps.empty() && plan.steps.back().kind != graph::StepKind::kInput) {
    Fail(*step, "comes after a step of another kind");
  }
  CheckShape(*step, step->shape);
  if (!step->shape.has_channels()) Fail(*step, "is neither a map nor a vector");
  return step->shape;
}

void ListFields(Fields& fields, Step& step) { fields.Sizes(step.shape); }

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  const int value = scheduler->ValueOf(step);
  if (scheduler->readers().Of(value).empty()) return;
  const Shape shape = step.shape.map();
  const int buffer = scheduler->values().NewFloats(value);
  scheduler->Emit(schedule::MakeWhole([shape, buffer, value](const schedule::Frame& frame) {
                    kernels::ChwToHwc(shape, frame.inputs[value], frame.Floats(buffer));
                  }),
                  "Input " + std::to_string(value) + " " + schedule::Text(shape) + " NCHW -> NHWC");
  scheduler->EmitRemainingBits(value);
}

}  // namespace

const Operator kInput = {.kind = graph::StepKind::kInput,
                         .infer = Infer,
                         .max_inputs = 0,
                         .fields = ListFields,
                         .emit = Emit};

}  // namespace adabin::ops
