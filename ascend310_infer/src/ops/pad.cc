// SPDX-License-Identifier: Apache-2.0
#include "graph/node_view.h"
#include "kernels/feature_map.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using graph::Step;

Step Parse(const Source& source) {
  const graph::NodeView view(source.graph, source.node);
  Step step;
  step.kind = graph::StepKind::kPad;
  const graph::Value& pads = view.argument("paddings", 1);
  if (pads.kind != graph::Value::Kind::kList || pads.list.size() != 4) {
    view.Fail("only rank-4 paddings are supported");
  }
  for (size_t axis = 0; axis < 4; ++axis) {
    const std::vector<int> pair = view.ints(pads.list[axis], 2, "paddings");
    if (axis == 0) {
      if (pair[0] != 0 || pair[1] != 0) view.Fail("padding of the batch is not supported");
      continue;
    }
    step.pads[2 * axis - 2] = pair[0];
    step.pads[2 * axis - 1] = pair[1];
  }
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* inferred) {
  const Step& step = *inferred;
  const Shape in = InputMap(plan, step);
  const int64_t size[3] = {in.c, in.h, in.w};
  int64_t out[3];
  for (int axis = 0; axis < 3; ++axis) {
    const int before = step.pads[2 * axis];
    const int after = step.pads[2 * axis + 1];
    if (before < 0 || after < 0 || before > kMaxDim || after > kMaxDim) {
      Fail(step, "padding is out of range");
    }
    out[axis] = size[axis] + before + after;
  }
  CheckShape(step, out[0], out[1], out[2]);
  return Shape{static_cast<int>(out[0]), static_cast<int>(out[1]), static_cast<int>(out[2])};
}

void ListFields(Fields& fields, Step& step) {
  for (int& pad : step.pads) fields.Number(pad);
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  EmitWhole(scheduler, step, [s = &step](const Whole& whole, const float* x, float* z) {
    kernels::PadZeros(whole.in, whole.out, s->pads, x, z);
  });
}

void Compute(const Formula& f) {
  const Shape in = f.in[0].shape.map();
  const TensorShape map(in);
  for (size_t i = 0; i < f.z.size(); ++i) {
    Index at = IndexOf(f.shape, i);
    for (size_t axis = 0; axis < 3; ++axis) at[axis] -= f.step.pads[2 * axis];
    const auto on = [&](size_t axis, int size) { return at[axis] >= 0 && at[axis] < size; };
    const bool data = on(0, in.c) && on(1, in.h) && on(2, in.w);
    f.z[i] = data ? f.in[0].x[ElementOf(map, at)] : 0;
  }
}

}  // namespace

const Operator kPad = {.kind = graph::StepKind::kPad,
                       .mindir = {"Pad"},
                       .words = "Pad",
                       .parse = Parse,
                       .infer = Infer,
                       .passes_values = true,  // and zeros, which a layer could have for padding
                       .fields = ListFields,
                       .emit = Emit,
                       .formula = Compute};

}  // namespace adabin::ops
