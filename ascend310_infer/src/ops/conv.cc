// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "graph/node_view.h"
#include "ops/check.h"
#include "ops/convolution.h"
#include "ops/window.h"

namespace adabin::ops {
namespace {

using graph::NodeView;
using graph::Step;
using graph::Tensor;
using graph::Value;

Step Parse(const Source& source) {
  const NodeView view(source.graph, source.node);
  const Shape in = source.Map();
  CheckFormat(view);
  const Tensor* weights = graph::ConstantTensor(source.graph, view.input(1));
  if (weights == nullptr || weights->shape.size() != 4) view.Fail("its weights are not constant");
  const Value* stride = view.attribute("stride");
  const Value* dilation = view.attribute("dilation");
  const Value* group = view.attribute("group");
  const Value* mode = view.attribute("pad_mode");
  if (stride == nullptr || dilation == nullptr || group == nullptr || mode == nullptr) {
    view.Fail("lacks stride, dilation, group or pad_mode");
  }
  const std::vector<int64_t>& shape = weights->shape;
  const bool fits = std::all_of(shape.begin(), shape.end(),
                                [](int64_t dim) { return dim >= 1 && dim < (1 << 28); });
  const int groups = view.ints(*group, 1, "group")[0];
  if (!fits || groups < 1 || shape[1] * groups != in.c) {
    view.Fail("its weights do not fit an input of " + std::to_string(in.c) + " channels");
  }
  Step step;
  step.kind = graph::StepKind::kConv;
  step.out_channels = static_cast<int>(shape[0]);
  step.weights = source.Take(view.input(1));
  ConvGeometry& g = step.geometry;
  g.groups = groups;
  g.kernel_h = static_cast<int>(shape[2]);
  g.kernel_w = static_cast<int>(shape[3]);
  const std::vector<int> strides = Spatial(view, *stride, "stride");
  const std::vector<int> dilations = Spatial(view, *dilation, "dilation");
  g.stride_h = strides[0];
  g.stride_w = strides[1];
  g.dilation_h = dilations[0];
  g.dilation_w = dilations[1];
  SetPadding(view, view.pad_mode(*mode), view.attribute("pad"), in, &g);
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const int64_t filter = InferFilter(plan, step);
  CheckSize(*step, "weights", step->weights.size(),
            static_cast<size_t>(filter * step->out_channels));
  CheckFinite(*step, "weight", &step->weights);
  return InferResults(plan, step);
}

void ListFields(Fields& fields, Step& step) {
  ConvolutionFields(fields, step);
  fields.Array(step.weights);
}

bool ReadsNchw(const schedule::Scheduler& scheduler, const Step& step) {
  return step.input() == 0 && step.second() != 0 &&
         kernels::FitsRows(FloatParams(scheduler.plan(), step, step.weights));
}

void Compute(const Formula& f) {
  const auto group_in = static_cast<size_t>(f.step.geometry.group_in());
  const auto taps = static_cast<size_t>(f.step.geometry.taps());
  Convolve(
      f, [&](size_t i) { return f.in[0].x[i]; },
      [&](size_t o, size_t c, size_t tap) {
        return f.step.weights[(o * group_in + c) * taps + tap];
      });
}

}  // namespace

const Operator kConv = {.kind = graph::StepKind::kConv,
                        .mindir = {"Conv2D"},
                        .words = "Conv2D",
                        .parse = Parse,
                        .infer = Infer,
                        .max_inputs = 2,
                        .fields = ListFields,
                        .fuse = FuseFloat,
                        .emit = EmitFloat,
                        .reads_nchw = ReadsNchw,
                        .formula = Compute};

}  // namespace adabin::ops
