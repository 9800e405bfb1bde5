// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "graph/node_view.h"
#include "ops/check.h"
#include "ops/convolution.h"

namespace adabin::ops {
namespace {

using graph::NodeView;
using graph::Step;
using graph::Tensor;
using graph::Value;

Step Parse(const Source& source) {
  const NodeView view(source.graph, source.node);
  const Shape in = source.Map();
  Step step;
  step.kind = graph::StepKind::kDense;
  const Tensor* weights = graph::ConstantTensor(source.graph, view.input(1));
  if (weights == nullptr || weights->shape.size() != 2) {
    view.Fail("its second operand is not a constant matrix");
  }
  bool transposed = true;  // [out][in]
  if (view.op() == "MatMul") {
    if (view.argument("transpose_a", 2).i != 0) view.Fail("transpose_a is not supported");
    transposed = view.argument("transpose_b", 3).i != 0;
  } else if (view.has_input(2)) {
    const Value& bias = view.constant(2, "its bias");
    if (bias.kind == Value::Kind::kTensor) {
      step.after.shift.assign(bias.tensor.data.begin(), bias.tensor.data.end());
    } else if (bias.kind != Value::Kind::kNone) {
      view.Fail("its bias is not a float32 tensor");
    }
  }
  const auto rows = static_cast<size_t>(weights->shape[0]);
  const auto columns = static_cast<size_t>(weights->shape[1]);
  if (static_cast<int64_t>(transposed ? columns : rows) != in.c) {
    view.Fail("its weights do not fit an input of " + std::to_string(in.c) + " channels");
  }
  step.out_channels = static_cast<int>(transposed ? rows : columns);
  if (transposed) {
    step.weights = weights->data;
  } else {
    std::vector<float> turned(weights->data.size());
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        turned[c * rows + r] = weights->data[r * columns + c];
      }
    }
    step.weights = std::move(turned);
  }
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const Shape in = InputMap(plan, *step);
  if (in.h != 1 || in.w != 1) Fail(*step, "the input is not flat");
  CheckShape(*step, step->out_channels, 1, 1);
  if (int64_t{step->out_channels} * in.c > kMaxWeights) Fail(*step, "too many weights");
  const auto out = static_cast<size_t>(step->out_channels);
  CheckSize(*step, "weights", step->weights.size(), out * static_cast<size_t>(in.c));
  CheckFinite(*step, "weight", &step->weights);
  CheckFinite(*step, "shift", step->after.shift);
  if (!step->after.shift.empty()) CheckSize(*step, "shift", step->after.shift.size(), out);
  return TensorShape(std::vector{step->out_channels});
}

void ListFields(Fields& fields, Step& step) {
  fields.Number(step.out_channels);
  fields.Array(step.weights);
  fields.Array(step.after.shift);
}

void Compute(const Formula& f) {
  const std::span<const float> x = f.in[0].x;
  for (size_t o = 0; o < f.z.size(); ++o) {
    double sum = 0;
    for (size_t c = 0; c < x.size(); ++c) sum += double{f.step.weights[o * x.size() + c]} * x[c];
    f.z[o] = Finish(f, o, o, sum);
  }
}

}  // namespace

const Operator kDense = {.kind = graph::StepKind::kDense,
                         .mindir = {"MatMul", "Dense"},
                         .words = "MatMul, Dense",
                         .parse = Parse,
                         .infer = Infer,
                         .fields = ListFields,
                         .fuse = FuseFloat,
                         .emit = EmitFloat,
                         .formula = Compute};

}  // namespace adabin::ops
