// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "graph/node_view.h"
#include "kernels/tensor.h"
#include "ops/alias.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/pool_node.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using graph::Step;

// A Squeeze may be the end of a pooling, see MatchPoolNode.
std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  if (MatchPoolNode(graph, v)) return std::nullopt;
  return std::vector<int>{graph::NodeView(graph, *graph::Producer(graph, v)).input(0)};
}

// An axis of one element less, or more.
TensorShape OneAxis(const Source& source, const graph::NodeView& view) {
  std::vector<int> dims(source.in.dims().begin(), source.in.dims().end());
  const graph::Value& value = view.argument("axis", 1);
  const bool list = value.kind == graph::Value::Kind::kList && value.list.size() == 1;
  const graph::Value& axis = list ? value.list[0] : value;
  if (view.op() == "Squeeze") {
    const int at = source.Axis(axis);
    if (dims[static_cast<size_t>(at)] != 1) view.Fail("its axis has more than one element");
    dims.erase(dims.begin() + at);
  } else {
    int at = view.ints(axis, 1, "axis")[0];
    at += at < 0 ? source.in.rank() + 2 : 0;
    if (at < 1 || at > source.in.rank() + 1) view.Fail("has an axis beside the batch");
    dims.insert(dims.begin() + at - 1, 1);
  }
  return TensorShape(dims);
}

// One size may be left open; all are per batch in the graph and per sample in the plan.
Step Parse(const Source& source) {
  const graph::NodeView view(source.graph, source.node);
  const TensorShape& in = source.in;
  const int64_t batch = source.batch;
  Step step;
  step.kind = graph::StepKind::kReshape;
  if (view.op() == "Squeeze" || view.op() == "ExpandDims") {
    step.shape = OneAxis(source, view);
    return step;
  }
  if (view.op() == "Flatten") {
    step.shape = TensorShape(std::vector{static_cast<int>(in.size())});
    return step;
  }
  const graph::Value& value = view.argument("shape", 1);
  if (value.kind != graph::Value::Kind::kList) view.Fail("its shape is not a constant");
  std::vector<int> dims = view.ints(value, value.list.size(), "shape");
  if (dims.size() < 2 || dims.size() > kMaxRank + 1) {
    view.Fail("to rank " + std::to_string(dims.size()) + " is not supported");
  }
  int64_t known = 1;
  int* open = nullptr;
  for (int& dim : dims) {
    if (dim == -1 && open == nullptr) {
      open = &dim;
    } else if (dim < 1 || known > (int64_t{1} << 40) / dim) {
      view.Fail("its shape is impossible");
    } else {
      known *= dim;
    }
  }
  const int64_t elements = batch * static_cast<int64_t>(in.size());
  if (open != nullptr) *open = static_cast<int>(std::min<int64_t>(elements / known, 1 << 30));
  if (dims[0] != batch) view.Fail("mixes samples of a batch, which is not supported");
  step.shape = TensorShape(std::span<const int>(dims).subspan(1));
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  CheckShape(*step, step->shape);
  if (step->shape.size() != InputTensor(plan, *step).size()) {
    Fail(*step, "the number of elements changes");
  }
  return step->shape;
}

void ListFields(Fields& fields, Step& step) { fields.Sizes(step.shape); }

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  const TensorShape in = scheduler->TensorOf(step.input());
  const TensorShape out = step.shape;
  const Strides strides = scheduler->values().strides(step.input());
  if (SamePlaces(in, strides, RowMajor(in)) && EmitAlias(scheduler, step, RowMajor(out))) return;
  EmitWhole(scheduler, step, [in, strides, out](const Whole&, const float* x, float* z) {
    kernels::CopyInOrder(in, strides, x, out, MemoryStrides(out), z);
  });
}

void Compute(const Formula& f) { std::ranges::copy(f.in[0].x, f.z.begin()); }

}  // namespace

const Operator kReshape = {.kind = graph::StepKind::kReshape,
                           .mindir = {"Reshape", "Flatten", "Squeeze", "ExpandDims"},
                           .words = "Reshape, Flatten, Squeeze, ExpandDims",
                           .match = Match,
                           .parse = Parse,
                           .infer = Infer,
                           .passes_values = true,
                           .any_order = true,
                           .fields = ListFields,
                           .emit = Emit,
                           .formula = Compute};

}  // namespace adabin::ops
