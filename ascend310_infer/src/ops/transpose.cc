// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "graph/node_view.h"
#include "kernels/tensor.h"
#include "ops/alias.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using graph::Step;

Step Parse(const Source& source) {
  const graph::NodeView view(source.graph, source.node);
  const graph::Value& value = view.argument("perm", 1);
  if (value.kind != graph::Value::Kind::kList) view.Fail("its permutation is not a constant");
  std::vector<int> axes = view.ints(value, value.list.size(), "perm");
  const int rank = static_cast<int>(axes.size());
  for (int& axis : axes) axis += axis < 0 ? rank : 0;
  if (rank == 0 || axes[0] != 0) view.Fail("moves the batch, which is not supported");
  Step step;
  step.kind = graph::StepKind::kTranspose;
  for (int i = 1; i < rank; ++i) step.axes.push_back(axes[static_cast<size_t>(i)] - 1);
  return step;
}

// axes[i]: which axis of the input becomes axis i.
TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape in = InputOfRank(plan, *step, static_cast<int>(step->axes.size()));
  std::vector<int> dims(step->axes.size(), 0);
  std::vector<bool> seen(step->axes.size(), false);
  for (size_t i = 0; i < dims.size(); ++i) {
    const int axis = step->axes[i];
    if (axis < 0 || axis >= in.rank() || seen[static_cast<size_t>(axis)]) {
      Fail(*step, "its axes are no permutation");
    }
    seen[static_cast<size_t>(axis)] = true;
    dims[i] = in[axis];
  }
  return TensorShape(dims);
}

void ListFields(Fields& fields, Step& step) { fields.Numbers(step.axes); }

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  const Strides in = scheduler->values().strides(step.input());
  Strides strides = {};
  for (size_t i = 0; i < step.axes.size(); ++i) strides[i] = in[static_cast<size_t>(step.axes[i])];
  if (EmitAlias(scheduler, step, strides)) return;
  const TensorShape out = scheduler->TensorOf(scheduler->ValueOf(step));
  EmitWhole(scheduler, step, [strides, out](const Whole&, const float* x, float* z) {
    kernels::Rearrange(out, strides, x, MemoryStrides(out), z);
  });
}

void Compute(const Formula& f) {
  const auto rank = static_cast<int>(f.step.axes.size());
  const TensorShape in = OfRank(f.step, f.in[0].shape, rank);
  const TensorShape out = OfRank(f.step, f.shape, rank);
  for (size_t i = 0; i < f.z.size(); ++i) {
    const Index to = IndexOf(out, i);
    Index from = {};
    for (size_t k = 0; k < f.step.axes.size(); ++k) {
      from[static_cast<size_t>(f.step.axes[k])] = to[k];
    }
    f.z[i] = f.in[0].x[ElementOf(in, from)];
  }
}

}  // namespace

const Operator kTranspose = {.kind = graph::StepKind::kTranspose,
                             .mindir = {"Transpose"},
                             .words = "Transpose",
                             .parse = Parse,
                             .infer = Infer,
                             .passes_values = true,
                             .any_order = true,
                             .fields = ListFields,
                             .emit = Emit,
                             .formula = Compute};

}  // namespace adabin::ops
