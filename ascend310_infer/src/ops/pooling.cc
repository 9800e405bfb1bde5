// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

#include <string>
#include <utility>

#include "ops/check.h"
#include "ops/pool_node.h"
#include "ops/tail.h"
#include "ops/window.h"
#include "schedule/step_text.h"

namespace adabin::ops {

using graph::Graph;
using graph::Step;
using graph::StepKind;

namespace {

// Each window must reach the map: a maximum or mean of nothing has no value.
void CheckReach(const Step& step, int out, int stride, int pad, int kernel, int dilation, int in) {
  for (int i = 0; i < out; ++i) {
    const TapRange taps = ValidTaps(i * stride - pad, kernel, dilation, in);
    if (taps.begin == taps.end) Fail(step, "a pooling window lies outside the feature map");
  }
}

std::optional<std::vector<int>> MatchPool(const Graph& graph, int v, bool maximum) {
  const auto pool = MatchPoolNode(graph, v);
  if (!pool || pool->maximum != maximum || CountsPadding(graph, *pool)) return std::nullopt;
  return std::vector<int>{pool->x};
}

}  // namespace

std::optional<std::vector<int>> MatchMaxPool(const Graph& graph, int v) {
  return MatchPool(graph, v, true);
}

std::optional<std::vector<int>> MatchAvgPool(const Graph& graph, int v) {
  return MatchPool(graph, v, false);
}

Step ParsePool(const Source& source) {
  const PoolNode pool = *MatchPoolNode(source.graph, source.value);
  Step step;
  step.kind = pool.maximum ? StepKind::kMaxPool : StepKind::kAvgPool;
  step.geometry = PoolGeometry(source.graph, pool, source.Map());
  step.origin = {pool.node->op, pool.node->name};
  return step;
}

TensorShape InferPool(const graph::Plan& plan, Step* step) {
  const Shape in = InputMap(plan, *step);
  InferWindow(step, in, in.c);
  const ConvGeometry& g = step->geometry;
  if (g.groups != 1) Fail(*step, "has groups");
  CheckReach(*step, g.out.h, g.stride_h, g.pad_top, g.kernel_h, g.dilation_h, in.h);
  CheckReach(*step, g.out.w, g.stride_w, g.pad_left, g.kernel_w, g.dilation_w, in.w);
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
  const ConvGeometry g =
      step.kind == StepKind::kMean ? AverageGeometry(*scheduler, step) : step.geometry;
  const Followers followers = FollowersOf(*scheduler, step);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, -1);
  const isa::FloatLoops& simd = scheduler->simd();
  scheduler->Emit(
      maximum ? schedule::MakeMaxPool(g, input, followers.after, output, simd)
              : schedule::MakeAvgPool(g, step.divisor, input, followers.after, output, simd),
      std::string(graph::StepName(step.kind)) + " " + schedule::Text(g) + " " +
          schedule::Text(g.in) + " -> " + schedule::Text(g.out) + TailText(followers.after) +
          scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
