// SPDX-License-Identifier: Apache-2.0
#include "ops/whole.h"

#include <string>
#include <utility>

#include "schedule/step_text.h"

namespace adabin::ops {

Whole PlaceWhole(schedule::Scheduler* scheduler, const graph::Step& step) {
  const int value = scheduler->ValueOf(step);
  Whole whole;
  whole.in = scheduler->ShapeOf(step.input());
  whole.out = scheduler->ShapeOf(value);
  whole.input = scheduler->values().ReadFloats(step.input());
  whole.z = scheduler->values().NewFloats(value);
  return whole;
}

void EmitPlaced(schedule::Scheduler* scheduler, const graph::Step& step,
                schedule::CpuStepPtr pass) {
  scheduler->Emit(std::move(pass),
                  std::string(graph::StepName(step.kind)) + " " +
                      schedule::Text(scheduler->TensorOf(step.input())) + " -> " +
                      schedule::Text(scheduler->TensorOf(scheduler->ValueOf(step))));
  scheduler->EmitRemainingBits(scheduler->ValueOf(step));
}

}  // namespace adabin::ops
