// SPDX-License-Identifier: Apache-2.0
#include "backend/schedule.h"

#include <algorithm>
#include <utility>

#include "backend/scheduler.h"
#include "backend/step_text.h"
#include "kernels/feature_map.h"

namespace adabin::backend {
namespace {

using ir::Step;
using ir::StepKind;

std::vector<bool> FindBinary(const ir::Plan& plan, bool run_as_float) {
  std::vector<bool> binary;
  for (const Step& step : plan.steps) {
    binary.push_back(step.kind == StepKind::kBinaryConv && !run_as_float);
  }
  return binary;
}

}  // namespace

Schedule MakeSchedule(const ir::Plan& plan, const ScheduleOptions& options) {
  return Scheduler(plan, options).Run();
}

Scheduler::Scheduler(const ir::Plan& plan, const ScheduleOptions& options)
    : plan_(plan),
      fuse_(options.fuse),
      float_binary_(options.kernel == "float"),
      kernel_(kernels::SelectKernel(float_binary_ ? "auto" : options.kernel)),
      simd_(simd::Select(kernel_.simd)),
      readers_(plan),
      runs_on_bits_(FindBinary(plan, float_binary_)),
      values_(plan, runs_on_bits_, fuse_),
      done_(plan.steps.size(), false) {}

Schedule Scheduler::Run() {
  MakeBinaryConvs();
  EmitInput();
  for (const Step& step : plan_.steps) {
    if (!done_[Number(step)]) EmitStep(step);
  }
  EmitOutputs();
  for (const CpuStepPtr& step : schedule_.steps) {
    schedule_.scratch_bytes = std::max(schedule_.scratch_bytes, step->scratch_bytes());
  }
  schedule_.memory = values_.Plan();
  return std::move(schedule_);
}

void Scheduler::EmitStep(const Step& step) {
  switch (step.kind) {
    case StepKind::kBinaryConv:
      return float_binary_ ? EmitFloatBinary(step) : EmitBinary(step);
    case StepKind::kConv:
    case StepKind::kDense:
      return EmitFloat(step);
    case StepKind::kAvgPool:
    case StepKind::kMean:
      if (fuse_ && TakesOverAverage(ValueOf(step))) return;
      if (fuse_ && EmitShortcut(step)) return;
      return EmitPool(step);
    case StepKind::kMaxPool:
      return EmitPool(step);
    case StepKind::kAffine:
    case StepKind::kActivation:
    case StepKind::kAdd:
      return EmitMap(step);
    default:
      return EmitWhole(step);
  }
}

void Scheduler::Emit(CpuStepPtr step, std::string description) {
  step->description = std::move(description);
  schedule_.steps.push_back(std::move(step));
  values_.Advance();
}

void Scheduler::EmitInput() {
  const std::vector<int>& readers = readers_.Of(0);
  const bool all_nchw = std::all_of(readers.begin(), readers.end(), [&](int reader) {
    return reader >= 0 && ReadsNchw(plan_.steps[static_cast<size_t>(reader)]);
  });
  if (all_nchw) return;
  const int buffer = values_.NewFloats(0);
  const Shape shape = plan_.input;
  Emit(MakeWhole([shape, buffer](const Frame& frame) {
         kernels::ChwToHwc(shape, frame.input, frame.Floats(buffer));
       }),
       "Input " + Text(shape) + " NCHW -> NHWC");
  EmitRemainingBits(0);
}

void Scheduler::EmitOutputs() {
  std::string text = "Output";
  std::vector<int> buffers;
  std::vector<Shape> shapes;
  for (const int value : plan_.outputs) {
    shapes.push_back(ShapeOf(value));
    text.append(" ").append(Text(shapes.back()));
    buffers.push_back(values_.ReadFloats(value));
  }
  Emit(MakeWhole([shapes, buffers](const Frame& frame) {
         for (size_t i = 0; i < buffers.size(); ++i) {
           kernels::HwcToChw(shapes[i], frame.Floats(buffers[i]), frame.outputs[i]);
         }
       }),
       text);
}

void Scheduler::EmitRemainingBits(int value) {
  for (BitRequest& request : values_.requests(value)) {
    if (request.buffer != kNoBuffer) continue;
    Output output;
    output.shape = ShapeOf(value);
    values_.WriteBits(&request, &output);
    const int input = values_.floats(value);
    values_.UseUntilNow(input);
    Tail tail = MakeTail(output.shape.c, {}, {}, Activation::kNone, {}, {});
    Emit(MakeMap(input, std::move(tail), output, simd_), "Binarize " + Text(output.shape));
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

const Step* Scheduler::Follow(const Step* step, Followers* followers) {
  if (step == nullptr) return nullptr;
  done_[Number(*step)] = true;
  followers->value = ValueOf(*step);
  return step;
}

void Scheduler::FollowTail(Followers* followers) {
  if (!fuse_) return;
  followers->affine = Follow(readers_.Only(followers->value, StepKind::kAffine), followers);
  followers->activation = Follow(readers_.Only(followers->value, StepKind::kActivation), followers);
}

Tail Scheduler::TailOf(const Followers& followers, int channels) {
  const Step none;
  const Step& affine = followers.affine != nullptr ? *followers.affine : none;
  const Step& act = followers.activation != nullptr ? *followers.activation : none;
  return MakeTail(channels, affine.scale, affine.shift, act.act, act.positive, act.negative);
}

std::string Scheduler::TailText(const Followers& followers) {
  std::string text = followers.affine != nullptr ? " BatchNorm" : "";
  if (followers.activation != nullptr) text += Text(followers.activation->act);
  return text;
}

}  // namespace adabin::backend
