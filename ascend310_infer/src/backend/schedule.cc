// SPDX-License-Identifier: Apache-2.0
#include "backend/schedule.h"

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/feature_map.h"
#include "kernels/tensor.h"
#include "ops/operator.h"
#include "passes/fuse.h"
#include "schedule/step_text.h"

namespace adabin::backend {
namespace {

using graph::Step;
using schedule::Frame;
using schedule::Scheduler;

std::vector<bool> FindBitReaders(const graph::Plan& plan, bool run_as_float) {
  std::vector<bool> reads_bits;
  for (const Step& step : plan.steps) {
    reads_bits.push_back(ops::OperatorOf(step.kind).reads_bits && !run_as_float);
  }
  return reads_bits;
}

void EmitInput(Scheduler* scheduler) {
  const std::vector<int>& readers = scheduler->readers().Of(0);
  const bool all_nchw = std::all_of(readers.begin(), readers.end(), [&](int reader) {
    if (reader < 0) return false;
    const Step& step = scheduler->plan().steps[static_cast<size_t>(reader)];
    const ops::Operator& op = ops::OperatorOf(step.kind);
    return op.reads_nchw != nullptr && op.reads_nchw(*scheduler, step);
  });
  if (all_nchw) return;
  const int buffer = scheduler->values().NewFloats(0);
  const Shape shape = scheduler->plan().input;
  scheduler->Emit(schedule::MakeWhole([shape, buffer](const Frame& frame) {
                    kernels::ChwToHwc(shape, frame.inputs[0], frame.Floats(buffer));
                  }),
                  "Input " + schedule::Text(shape) + " NCHW -> NHWC");
  scheduler->EmitRemainingBits(0);
}

void EmitOutputs(Scheduler* scheduler) {
  std::string text = "Output";
  std::vector<int> buffers;
  std::vector<TensorShape> shapes;
  std::vector<Strides> strides;
  for (const int value : scheduler->plan().outputs) {
    shapes.push_back(scheduler->TensorOf(value));
    text.append(" ").append(schedule::Text(shapes.back()));
    strides.push_back(scheduler->values().strides(value));
    buffers.push_back(scheduler->values().ReadFloats(value));
  }
  scheduler->Emit(schedule::MakeWhole([shapes, strides, buffers](const Frame& frame) {
                    for (size_t i = 0; i < buffers.size(); ++i) {
                      kernels::Rearrange(shapes[i], strides[i], frame.Floats(buffers[i]),
                                         RowMajor(shapes[i]), frame.outputs[i]);
                    }
                  }),
                  text);
}

}  // namespace

schedule::Schedule MakeSchedule(const graph::Plan& plan, const schedule::ScheduleOptions& options) {
  const bool as_float = options.kernel == "float";
  Scheduler scheduler(plan, options,
                      options.fuse ? passes::Fuse(plan, as_float) : passes::FuseNothing(plan),
                      FindBitReaders(plan, as_float));
  for (const Step& step : plan.steps) {
    const ops::Operator& op = ops::OperatorOf(step.kind);
    if (op.prepare != nullptr) op.prepare(&scheduler, step);
  }
  EmitInput(&scheduler);
  for (const Step& step : plan.steps) {
    if (!scheduler.IsInside(step)) ops::OperatorOf(step.kind).emit(&scheduler, step);
  }
  EmitOutputs(&scheduler);
  return scheduler.Finish();
}

}  // namespace adabin::backend
