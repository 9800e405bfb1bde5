// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <string>

#include "kernels/feature_map.h"
#include "ops/pooling.h"
#include "ops/tail.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;
using schedule::Scheduler;

// Whether binary layers read the bits of what step `number` makes.
bool AreBitsRead(const graph::Fusing& fusing, int number) {
  return !fusing.float_binary &&
         std::ranges::any_of(fusing.readers.Of(number + 1), [&](int reader) {
           return reader >= 0 && OperatorOf(fusing.At(reader).kind).reads_bits &&
                  fusing.At(reader).input() == number + 1;
         });
}

// Every n-th pixel with zero channels around it, the parameter-free shortcut, is one copy.
void Fuse(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  FuseTail(fusing, step, pass);
  const int pad = fusing.Next(fusing.Number(step), graph::StepKind::kPad);
  if (pad < 0 || step.geometry.taps() != 1) return;
  const std::span<const int> pads(fusing.At(pad).pads);
  const bool channels = std::all_of(pads.begin() + 2, pads.end(), [](int p) { return p == 0; });
  if (channels && !AreBitsRead(fusing, pad) && !fusing.readers.Of(pad + 1).empty()) pass->pad = pad;
}

void EmitShortcut(Scheduler* scheduler, const Step& step, int pad) {
  const ConvGeometry geometry = step.geometry;
  const int input = scheduler->values().ReadFloats(step.input());
  const schedule::Output output = scheduler->values().MakeOutput(pad + 1, -1, -1);
  const int first = scheduler->plan().steps[static_cast<size_t>(pad)].pads[0];
  const Shape out = output.shape;
  const auto run = [geometry, out, first, input, z = output.z](const schedule::Frame& frame) {
    kernels::SubsampleAndPad(geometry, out, first, frame.Floats(input), frame.Floats(z));
  };
  scheduler->Emit(schedule::MakeWhole(run), "Subsample /" + std::to_string(geometry.stride_h) +
                                                " and pad " + schedule::Text(geometry.in) + " -> " +
                                                schedule::Text(out));
}

void Emit(Scheduler* scheduler, const Step& step) {
  const int pad = scheduler->PassOf(step).pad;
  return pad >= 0 ? EmitShortcut(scheduler, step, pad) : EmitPool(scheduler, step);
}

void Compute(const Formula& f) {
  const ConvGeometry& g = f.step.geometry;
  const size_t pixels = f.in[0].x.size() / static_cast<size_t>(g.in.c);
  ForEachOutput(g, [&](size_t c, int oh, int ow, size_t i) {
    double sum = 0;
    int taps = 0;
    ForEachTap(g, oh, ow, [&](size_t, size_t pixel) {
      sum += f.in[0].x[c * pixels + pixel];
      ++taps;
    });
    f.z[i] = static_cast<float>(sum / taps);
  });
}

}  // namespace

const Operator kAvgPool = {.kind = graph::StepKind::kAvgPool,
                           .mindir = {"AvgPool", "AdaptiveAvgPool2D", "Squeeze"},
                           .words = "AvgPool, AdaptiveAvgPool2D",
                           .match = MatchAvgPool,
                           .parse = ParsePool,
                           .infer = InferPool,
                           .fields = PoolFields,
                           .fuse = Fuse,
                           .emit = Emit,
                           .formula = Compute};

}  // namespace adabin::ops
