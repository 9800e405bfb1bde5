// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ir/node_view.h"
#include "ops/check.h"
#include "ops/pooling.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using ir::Step;

// The mean of the map as a map of one pixel: an average over all of it.
Step AverageOfAll(const Source& source) {
  const Shape in = source.Map();
  Step step;
  step.kind = ir::StepKind::kAvgPool;
  step.geometry.kernel_h = in.h;
  step.geometry.kernel_w = in.w;
  return step;
}

Step Parse(const Source& source) {
  const ir::NodeView view(source.graph, source.node);
  if (view.op() == "AdaptiveAvgPool2D") {
    const std::vector<int> size = view.ints(view.argument("output_size", 1), 2, "output_size");
    if (size != std::vector{1, 1}) view.Fail("to more than one pixel is not supported");
    return AverageOfAll(source);
  }
  const ir::Value& value = view.argument("axis", 1);
  std::vector<int> axes;
  if (value.kind == ir::Value::Kind::kList) axes = view.ints(value, value.list.size(), "axis");
  for (int& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int>{2, 3}) view.Fail("only the mean over axes (2, 3) is supported");
  Step step;
  step.kind = ir::StepKind::kMean;
  const ir::Value* keep = view.attribute("keep_dims");
  if (keep == nullptr && view.has_input(2)) keep = &view.constant(2, "keep_dims");
  return keep != nullptr && keep->i != 0 ? AverageOfAll(source) : step;
}

TensorShape Infer(const ir::Plan& plan, Step* step) {
  return TensorShape(std::vector{InputMap(plan, *step).c});
}

}  // namespace

const Operator kMean = {.kind = ir::StepKind::kMean,
                        .mindir = {"ReduceMean", "AdaptiveAvgPool2D"},
                        .words = "ReduceMean, AdaptiveAvgPool2D",
                        .parse = Parse,
                        .infer = Infer,
                        .fuse = FuseTail,
                        .emit = EmitPool};

}  // namespace adabin::ops
