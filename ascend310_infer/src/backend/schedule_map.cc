// SPDX-License-Identifier: Apache-2.0
//
// Poolings, operators on each value, and what is neither: shortcut, padding, reshape, threshold.
#include <algorithm>
#include <span>
#include <utility>

#include "backend/scheduler.h"
#include "backend/step_text.h"
#include "kernels/feature_map.h"

namespace adabin::backend {

using ir::Step;
using ir::StepKind;

void Scheduler::EmitPool(const Step& step) {
  const int input = values_.ReadFloats(step.input);
  const bool maximum = step.kind == StepKind::kMaxPool;
  const ConvGeometry g = maximum ? step.geometry : AverageGeometry(step);
  Followers followers;
  followers.value = ValueOf(step);
  FollowTail(&followers);
  const Output output = values_.MakeOutput(followers.value, -1, -1);
  Emit(MakePool(maximum, g, input, TailOf(followers, g.in.c), output, simd_),
       std::string(ir::StepName(step.kind)) + " " + Text(g) + " " + Text(g.in) + " -> " +
           Text(g.out) + TailText(followers) + Results(output));
  EmitRemainingBits(followers.value);
}

void Scheduler::EmitMap(const Step& step) {
  Followers followers;
  followers.value = ValueOf(step);
  int residual = -1;
  if (step.kind == StepKind::kAffine) {
    followers.affine = &step;
  } else if (step.kind == StepKind::kActivation) {
    followers.activation = &step;
  } else {
    residual = step.second;
  }
  if (fuse_ && step.kind != StepKind::kActivation) {
    followers.activation =
        Follow(readers_.Only(followers.value, StepKind::kActivation), &followers);
  }
  const int input = values_.ReadFloats(step.input);
  const Output output = values_.MakeOutput(followers.value, residual, step.input);
  Emit(MakeMap(input, TailOf(followers, output.shape.c), output, simd_),
       std::string(ir::StepName(step.kind)) + " " + Text(output.shape) +
           (step.kind == StepKind::kActivation ? "" : TailText(followers)) + Results(output));
  EmitRemainingBits(followers.value);
}

// Every n-th pixel with zero channels around it: the parameter-free shortcut.
bool Scheduler::EmitShortcut(const Step& step) {
  const ConvGeometry& g = step.geometry;
  const Step* pad = readers_.Only(ValueOf(step), StepKind::kPad);
  if (step.kind != StepKind::kAvgPool || g.taps() != 1 || pad == nullptr) return false;
  const int padded = ValueOf(*pad);
  const std::span<const int> pads(pad->pads);
  if (std::any_of(pads.begin() + 2, pads.end(), [](int p) { return p != 0; }) ||
      !values_.requests(padded).empty() || values_.reads_left(padded) == 0) {
    return false;
  }
  done_[Number(*pad)] = true;
  const int input = values_.ReadFloats(step.input);
  const Output output = values_.MakeOutput(padded, -1, -1);
  const int first = pads[0];
  const ConvGeometry geometry = g;
  const Shape out = output.shape;
  Emit(MakeWhole([geometry, out, first, input, z = output.z](const Frame& frame) {
         kernels::SubsampleAndPad(geometry, out, first, frame.Floats(input), frame.Floats(z));
       }),
       "Subsample /" + std::to_string(g.stride_h) + " and pad " + Text(g.in) + " -> " + Text(out));
  return true;
}

void Scheduler::EmitWhole(const Step& step) {
  const int value = ValueOf(step);
  const int input = values_.ReadFloats(step.input);
  const Shape in = ShapeOf(step.input);
  const Shape out = ShapeOf(value);
  const int z = values_.NewFloats(value);
  const Step* s = &step;
  CpuStepPtr whole;
  if (step.kind == StepKind::kPad) {
    whole = MakeWhole([s, in, out, input, z](const Frame& frame) {
      kernels::PadZeros(in, out, s->pads, frame.Floats(input), frame.Floats(z));
    });
  } else if (step.kind == StepKind::kReshape) {
    whole = MakeWhole([in, out, input, z](const Frame& frame) {
      kernels::Reshape(in, out, frame.Floats(input), frame.Floats(z));
    });
  } else {
    whole = MakeWhole([s, in, input, z](const Frame& frame) {
      kernels::Threshold(in.size(), frame.Floats(input), s->compare, s->threshold, s->high, s->low,
                         frame.Floats(z));
    });
  }
  Emit(std::move(whole),
       std::string(ir::StepName(step.kind)) + " " + Text(in) + " -> " + Text(out));
  EmitRemainingBits(value);
}

}  // namespace adabin::backend
