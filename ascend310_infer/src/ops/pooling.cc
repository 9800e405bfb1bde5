// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

#include <string>

#include "ir/node_view.h"
#include "ops/check.h"
#include "ops/tail.h"
#include "ops/window.h"
#include "schedule/step_text.h"

namespace adabin::ops {

using ir::NodeView;
using ir::Step;
using ir::StepKind;

Step ParsePool(const Source& source) {
  const NodeView view(source.graph, source.node);
  CheckFormat(view);
  Step step;
  step.kind = view.op() == "MaxPool" ? StepKind::kMaxPool : StepKind::kAvgPool;
  ConvGeometry& g = step.geometry;
  const std::vector<int> kernel = Spatial(view, view.argument("kernel_size", 1), "kernel_size");
  const std::vector<int> stride = Spatial(view, view.argument("strides", 2), "strides");
  g.kernel_h = kernel[0];
  g.kernel_w = kernel[1];
  g.stride_h = stride[0];
  g.stride_w = stride[1];
  const auto mode = view.pad_mode(view.argument("pad_mode", 3));
  if (mode == NodeView::PadMode::kPad) view.Fail("explicit padding is not supported");
  SetPadding(view, mode, nullptr, source.Map(), &g);
  return step;
}

TensorShape InferPool(const ir::Plan& plan, Step* step) {
  const Shape in = InputMap(plan, *step);
  InferWindow(step, in, in.c);
  const ConvGeometry& g = step->geometry;
  // Each window must reach the map: a maximum or mean of nothing has no value.
  if (g.groups != 1 || g.dilation_h != 1 || g.dilation_w != 1 || g.pad_top >= g.kernel_h ||
      g.pad_left >= g.kernel_w || (g.out.h - 1) * int64_t{g.stride_h} - g.pad_top >= in.h ||
      (g.out.w - 1) * int64_t{g.stride_w} - g.pad_left >= in.w) {
    Fail(*step, "a pooling window lies outside the feature map");
  }
  return g.out;
}

void PoolFields(Fields& fields, Step& step) { WindowFields(fields, step.geometry); }

bool IsAverage(const Step& step) {
  return step.kind == StepKind::kAvgPool || step.kind == StepKind::kMean;
}

ConvGeometry AverageGeometry(const schedule::Scheduler& scheduler, const Step& step) {
  if (step.kind == StepKind::kAvgPool) return step.geometry;
  ConvGeometry whole;
  whole.in = scheduler.ShapeOf(step.input());
  whole.out = {whole.in.c, 1, 1};
  whole.kernel_h = whole.in.h;
  whole.kernel_w = whole.in.w;
  return whole;
}

void EmitPool(schedule::Scheduler* scheduler, const Step& step) {
  const int input = scheduler->values().ReadFloats(step.input());
  const bool maximum = step.kind == StepKind::kMaxPool;
  const ConvGeometry g = maximum ? step.geometry : AverageGeometry(*scheduler, step);
  const Followers followers = FollowersOf(*scheduler, step);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, -1);
  scheduler->Emit(
      schedule::MakePool(maximum, g, input, TailOf(followers, g.in.c), output, scheduler->simd()),
      std::string(ir::StepName(step.kind)) + " " + schedule::Text(g) + " " + schedule::Text(g.in) +
          " -> " + schedule::Text(g.out) + TailText(followers) + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
