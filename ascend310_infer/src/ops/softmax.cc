// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>

#include "graph/node_view.h"
#include "kernels/normalize.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;

Step Parse(const Source& source) {
  const graph::Value& axis = graph::NodeView(source.graph, source.node).argument("axis", 1);
  const bool one = axis.kind == graph::Value::Kind::kList && axis.list.size() == 1;
  Step step;
  step.kind = graph::StepKind::kSoftmax;
  step.axes = {source.Axis(one ? axis.list[0] : axis)};
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape& in = InputTensor(plan, *step);
  const int rank = in.has_channels() ? 3 : in.rank();  // a vector may have been a map of one pixel
  if (step->axes.size() != 1 || step->axes[0] < 0 || step->axes[0] >= rank) {
    Fail(*step, "has no such axis");
  }
  return in;
}

void ListFields(Fields& fields, Step& step) { fields.Numbers(step.axes); }

// Memory without gaps is, seen from one axis, so many blocks of its elements, each a stride long.
void Emit(schedule::Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  const int value = scheduler->ValueOf(step);
  const TensorShape shape = scheduler->TensorOf(value);
  const int axis = step.axes[0];
  const bool beyond = axis >= shape.rank();  // one element, whose softmax is 1
  const size_t stride = beyond ? 1 : MemoryStrides(shape)[static_cast<size_t>(axis)];
  const size_t count = beyond ? 1 : static_cast<size_t>(shape[axis]);
  const auto blocks = static_cast<int>(shape.size() / (count * stride));
  const int x = values.ReadFloats(step.input());
  const int z = values.NewFloats(value);
  const auto run = [=](const schedule::Frame& frame, int block) {
    const size_t at = static_cast<size_t>(block) * count * stride;
    kernels::Softmax(count, stride, frame.Floats(x) + at, frame.Floats(z) + at);
  };
  scheduler->Emit(schedule::MakeParts(blocks, run), "Softmax " + schedule::Text(shape));
  scheduler->EmitRemainingBits(value);
}

void Compute(const Formula& f) {
  const auto axis = static_cast<size_t>(f.step.axes[0]);
  const TensorShape shape = f.shape.rank() == 1 ? TensorShape(f.shape.map()) : f.shape;
  const auto at = [&](Index index, int k) {
    index[axis] = k;
    return double{f.in[0].x[ElementOf(shape, index)]};
  };
  for (size_t i = 0; i < f.z.size(); ++i) {
    Index index = IndexOf(shape, i);
    if (index[axis] > 0) continue;  // all along the axis together
    const int count = shape[f.step.axes[0]];
    double largest = at(index, 0);
    for (int k = 1; k < count; ++k) largest = std::max(largest, at(index, k));
    double sum = 0;
    for (int k = 0; k < count; ++k) sum += std::exp(at(index, k) - largest);
    for (int k = 0; k < count; ++k) {
      index[axis] = k;
      f.z[ElementOf(shape, index)] = static_cast<float>(std::exp(at(index, k) - largest) / sum);
    }
  }
}

}  // namespace

const Operator kSoftmax = {.kind = graph::StepKind::kSoftmax,
                           .mindir = {"Softmax"},
                           .words = "Softmax",
                           .parse = Parse,
                           .infer = Infer,
                           .fields = ListFields,
                           .emit = Emit,
                           .formula = Compute};

}  // namespace adabin::ops
