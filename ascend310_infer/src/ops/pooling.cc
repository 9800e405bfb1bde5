// SPDX-License-Identifier: Apache-2.0
#include "ops/pooling.h"

#include <string>
#include <utility>

#include "ir/node_view.h"
#include "ops/check.h"
#include "ops/pool_node.h"
#include "ops/tail.h"
#include "ops/window.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeView;
using ir::Step;
using ir::StepKind;

// Each window must reach the map: a maximum or mean of nothing has no value.
void CheckReach(const Step& step, int out, int stride, int pad, int kernel, int dilation, int in) {
  for (int i = 0; i < out; ++i) {
    const TapRange taps = ValidTaps(i * stride - pad, kernel, dilation, in);
    if (taps.begin == taps.end) Fail(step, "a pooling window lies outside the feature map");
  }
}

// The pooling of which `outer` takes every n-th pixel, if no one else reads it. It looks at every
// pixel of its map: then the two are one pooling, whose windows are n pixels apart.
std::optional<PoolNode> SubsampledPool(const Graph& graph, const PoolNode& outer) {
  const std::vector<int> one = {1, 1};
  const auto is_plain = [](const Node& node) {
    return node.op == "MaxPool" || node.op == "AvgPool";
  };
  if (!is_plain(*outer.node) || PoolKernel(NodeView(graph, *outer.node)) != one) {
    return std::nullopt;
  }
  const auto inner = MatchPoolNode(graph, outer.x);
  if (!inner || ir::Uses(graph, outer.x) != 1 || !is_plain(*inner->node)) return std::nullopt;
  return PoolStride(NodeView(graph, *inner->node)) == one ? inner : std::nullopt;
}

std::optional<std::vector<int>> MatchPool(const Graph& graph, int v, bool maximum) {
  const auto outer = MatchPoolNode(graph, v);
  if (!outer) return std::nullopt;
  const PoolNode pool = SubsampledPool(graph, *outer).value_or(*outer);
  if (pool.maximum != maximum || CountsPadding(graph, pool)) return std::nullopt;
  return std::vector<int>{pool.x};
}

}  // namespace

std::optional<std::vector<int>> MatchMaxPool(const Graph& graph, int v) {
  return MatchPool(graph, v, true);
}

std::optional<std::vector<int>> MatchAvgPool(const Graph& graph, int v) {
  return MatchPool(graph, v, false);
}

Step ParsePool(const Source& source) {
  const PoolNode outer = *MatchPoolNode(source.graph, source.value);
  const auto inner = SubsampledPool(source.graph, outer);
  const PoolNode pool = inner.value_or(outer);
  Step step;
  step.kind = pool.maximum ? StepKind::kMaxPool : StepKind::kAvgPool;
  step.geometry = PoolGeometry(source.graph, pool, source.Map());
  if (inner) {
    const std::vector<int> stride = PoolStride(NodeView(source.graph, *outer.node));
    step.geometry.stride_h = stride[0];
    step.geometry.stride_w = stride[1];
  }
  return step;
}

TensorShape InferPool(const ir::Plan& plan, Step* step) {
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
  Followers followers;
  followers.value = scheduler->ValueOf(step);
  FollowTail(scheduler, &followers);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, -1);
  schedule::Tail tail = TailOf(followers, g.in.c);
  const isa::FloatLoops& simd = scheduler->simd();
  scheduler->Emit(
      maximum ? schedule::MakeMaxPool(g, input, std::move(tail), output, simd)
              : schedule::MakeAvgPool(g, step.divisor, input, std::move(tail), output, simd),
      std::string(ir::StepName(step.kind)) + " " + schedule::Text(g) + " " + schedule::Text(g.in) +
          " -> " + schedule::Text(g.out) + TailText(followers) + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
