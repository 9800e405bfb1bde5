// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/node_view.h"
#include "ops/check.h"
#include "ops/pooling.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using graph::Step;

// The mean of the map as a map of one pixel: an average over all of it.
Step AverageOfAll(const Source& source) {
  const Shape in = source.Map();
  Step step;
  step.kind = graph::StepKind::kAvgPool;
  step.geometry.kernel_h = in.h;
  step.geometry.kernel_w = in.w;
  return step;
}

Step Parse(const Source& source) {
  const graph::NodeView view(source.graph, source.node);
  const graph::Value& value = view.argument("axis", 1);
  std::vector<int> axes;
  if (value.kind == graph::Value::Kind::kList) axes = view.ints(value, value.list.size(), "axis");
  for (int& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int>{2, 3}) view.Fail("only the mean over axes (2, 3) is supported");
  Step step;
  step.kind = graph::StepKind::kMean;
  const graph::Value* keep = view.attribute("keep_dims");
  if (keep == nullptr && view.has_input(2)) keep = &view.constant(2, "keep_dims");
  return keep != nullptr && keep->i != 0 ? AverageOfAll(source) : step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  return TensorShape(std::vector{InputMap(plan, *step).c});
}

void Compute(const Formula& f) {
  const size_t pixels = f.in[0].x.size() / f.z.size();
  for (size_t c = 0; c < f.z.size(); ++c) {
    double sum = 0;
    for (size_t i = 0; i < pixels; ++i) sum += f.in[0].x[c * pixels + i];
    f.z[c] = static_cast<float>(sum / static_cast<double>(pixels));
  }
}

}  // namespace

const Operator kMean = {.kind = graph::StepKind::kMean,
                        .mindir = {"ReduceMean"},
                        .words = "ReduceMean",
                        .parse = Parse,
                        .infer = Infer,
                        .fuse = FuseTail,
                        .emit = EmitPool,
                        .formula = Compute};

}  // namespace adabin::ops
