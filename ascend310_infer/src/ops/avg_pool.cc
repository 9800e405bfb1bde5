// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <string>

#include "kernels/feature_map.h"
#include "ops/convolution.h"
#include "ops/pooling.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using ir::Step;
using schedule::Scheduler;

// Every n-th pixel with zero channels around it: the parameter-free shortcut.
bool EmitShortcut(Scheduler* scheduler, const Step& step) {
  const ConvGeometry& g = step.geometry;
  const Step* pad = scheduler->readers().Only(scheduler->ValueOf(step), ir::StepKind::kPad);
  if (g.taps() != 1 || pad == nullptr) return false;
  const int padded = scheduler->ValueOf(*pad);
  const std::span<const int> pads(pad->pads);
  if (std::any_of(pads.begin() + 2, pads.end(), [](int p) { return p != 0; }) ||
      !scheduler->values().requests(padded).empty() ||
      scheduler->values().reads_left(padded) == 0) {
    return false;
  }
  scheduler->MarkDone(*pad);
  const int input = scheduler->values().ReadFloats(step.input());
  const schedule::Output output = scheduler->values().MakeOutput(padded, -1, -1);
  const int first = pads[0];
  const ConvGeometry geometry = g;
  const Shape out = output.shape;
  const auto run = [geometry, out, first, input, z = output.z](const schedule::Frame& frame) {
    kernels::SubsampleAndPad(geometry, out, first, frame.Floats(input), frame.Floats(z));
  };
  scheduler->Emit(schedule::MakeWhole(run), "Subsample /" + std::to_string(g.stride_h) +
                                                " and pad " + schedule::Text(g.in) + " -> " +
                                                schedule::Text(out));
  return true;
}

void Emit(Scheduler* scheduler, const Step& step) {
  if (scheduler->fuse() && TakesOverAverage(*scheduler, scheduler->ValueOf(step))) return;
  if (scheduler->fuse() && EmitShortcut(scheduler, step)) return;
  EmitPool(scheduler, step);
}

}  // namespace

const Operator kAvgPool = {.kind = ir::StepKind::kAvgPool,
                           .mindir = {"AvgPool", "AdaptiveAvgPool2D", "Squeeze"},
                           .words = "AvgPool, AdaptiveAvgPool2D",
                           .match = MatchAvgPool,
                           .parse = ParsePool,
                           .infer = InferPool,
                           .fields = PoolFields,
                           .emit = Emit};

}  // namespace adabin::ops
