// SPDX-License-Identifier: Apache-2.0
#include "schedule/scheduler.h"

#include <algorithm>
#include <utility>

#include "schedule/step_text.h"

namespace adabin::schedule {

Scheduler::Scheduler(const graph::Plan& plan, const ScheduleOptions& options, graph::Fusion fusion,
                     const std::vector<bool>& reads_bits)
    : plan_(plan),
      fuse_(options.fuse),
      float_binary_(options.kernel == "float"),
      kernel_(kernels::SelectKernel(float_binary_ ? "auto" : options.kernel)),
      simd_(isa::Floats(kernel_.set)),
      readers_(plan),
      fusion_(std::move(fusion)),
      values_(plan, readers_, reads_bits, fuse_),
      binary_convs_(plan.steps.size()) {}

Schedule Scheduler::Finish() {
  for (const CpuStepPtr& step : schedule_.steps) {
    schedule_.scratch_bytes = std::max(schedule_.scratch_bytes, step->scratch_bytes());
  }
  schedule_.memory = values_.Plan();
  return std::move(schedule_);
}

void Scheduler::Emit(CpuStepPtr step, std::string description) {
  step->description = std::move(description);
  schedule_.steps.push_back(std::move(step));
  values_.Advance();
}

void Scheduler::EmitRemainingBits(int value) {
  for (BitRequest& request : values_.requests(value)) {
    if (request.buffer != kNoBuffer) continue;
    Output output;
    output.shape = ShapeOf(value);
    values_.WriteBits(&request, &output);
    const int input = values_.floats(value);
    values_.UseUntilNow(input);
    Emit(MakeMap(input, {}, output, simd_), "Binarize " + Text(output.shape));
  }
}

std::string Scheduler::Results(const Output& output) const {
  std::string text = output.residual >= 0 ? " +residual" : "";
  text += " -> ";
  if (output.z >= 0) text += values_.IsInPlace(output) ? "float in place" : "float";
  if (output.z >= 0 && output.bits >= 0) text += ", ";
  if (output.bits >= 0) text += "bits";
  return text;
}

}  // namespace adabin::schedule
