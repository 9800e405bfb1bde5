// SPDX-License-Identifier: Apache-2.0
//
// The average pooling whose padding counts (count_include_pad), or that divides by a given number
// (divisor_override). Pixels that only ceil_mode adds never count.
#include "ops/check.h"
#include "ops/pool_node.h"
#include "ops/pooling.h"
#include "ops/tail.h"
#include "ops/window.h"

namespace adabin::ops {
namespace {

using graph::Step;

std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  const auto pool = MatchPoolNode(graph, v);
  if (!pool || pool->maximum || !CountsPadding(graph, *pool)) return std::nullopt;
  return std::vector<int>{pool->x};
}

Step Parse(const Source& source) {
  const PoolNode pool = *MatchPoolNode(source.graph, source.value);
  Step step;
  step.kind = graph::StepKind::kPaddedAverage;
  step.geometry = PoolGeometry(source.graph, pool, source.Map());
  step.origin = {pool.node->op, pool.node->name};
  step.divisor = ReadDivisor(source.graph, pool);
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape out = InferPool(plan, step);
  const PoolDivisor& d = step->divisor;
  const ConvGeometry& g = step->geometry;
  const auto within = [](int counted, int pad) { return counted >= 0 && counted <= pad; };
  if (!within(d.top, g.kernel_h) || !within(d.bottom, g.kernel_h) || !within(d.left, g.kernel_w) ||
      !within(d.right, g.kernel_w)) {
    Fail(*step, "counts more padding than a window has");
  }
  if (d.fixed < 0 || d.fixed > kMaxElements) Fail(*step, "what it divides by is out of range");
  return out;
}

void ListFields(Fields& fields, Step& step) {
  PoolFields(fields, step);
  PoolDivisor& d = step.divisor;
  for (int* field : {&d.top, &d.bottom, &d.left, &d.right, &d.fixed}) fields.Number(*field);
}

// How many taps of a window along one axis lie on the map or on padding that counts.
int Counted(int origin, int kernel, int dilation, int in, int before, int after) {
  int counted = 0;
  for (int tap = 0; tap < kernel; ++tap) {
    const int64_t at = origin + int64_t{tap} * dilation;
    counted += at >= -before && at < in + after ? 1 : 0;
  }
  return counted;
}

void Compute(const Formula& f) {
  const ConvGeometry& g = f.step.geometry;
  const PoolDivisor& d = f.step.divisor;
  const size_t pixels = f.in[0].x.size() / static_cast<size_t>(g.in.c);
  ForEachOutput(g, [&](size_t c, int oh, int ow, size_t i) {
    double sum = 0;
    ForEachTap(g, oh, ow, [&](size_t, size_t pixel) { sum += f.in[0].x[c * pixels + pixel]; });
    const int rows =
        Counted(oh * g.stride_h - g.pad_top, g.kernel_h, g.dilation_h, g.in.h, d.top, d.bottom);
    const int columns =
        Counted(ow * g.stride_w - g.pad_left, g.kernel_w, g.dilation_w, g.in.w, d.left, d.right);
    f.z[i] = static_cast<float>(sum / (d.fixed != 0 ? d.fixed : rows * columns));
  });
}

}  // namespace

const Operator kPaddedAverage = {.kind = graph::StepKind::kPaddedAverage,
                                 .mindir = {"Squeeze"},
                                 .match = Match,
                                 .parse = Parse,
                                 .infer = Infer,
                                 .fields = ListFields,
                                 .fuse = FuseTail,
                                 .emit = EmitPool,
                                 .formula = Compute};

}  // namespace adabin::ops
