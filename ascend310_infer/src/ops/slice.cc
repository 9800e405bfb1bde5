// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "graph/node_view.h"
#include "kernels/tensor.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using graph::Node;
using graph::NodeView;
using graph::Step;
using graph::Value;

// Of every axis where it begins, how many elements there are and how far apart they lie.
void SetWhole(const TensorShape& in, Step* step) {
  step->kind = graph::StepKind::kSlice;
  step->first.assign(static_cast<size_t>(in.rank()), 0);
  step->steps.assign(static_cast<size_t>(in.rank()), 1);
  step->shape = in;
}

// StridedSlice(x, begin, end, strides) with MindSpore's masks: a bit of begin_mask or end_mask
// stands for an axis taken from its beginning, or to its end.
Step ParseStrided(const Source& source) {
  const NodeView view(source.graph, source.node);
  const auto list = [&](size_t index, const char* what) {
    const Value& value = view.constant(index, what);
    if (value.kind != Value::Kind::kList) view.Fail(std::string(what) + " is not a list");
    return view.ints(value, value.list.size(), what);
  };
  const std::vector<int> begin = list(1, "begin"), end = list(2, "end"), by = list(3, "strides");
  const auto mask = [&](const char* name, size_t index) {
    const Value* value = view.attribute(name);
    if (value == nullptr && view.has_input(index)) value = &view.constant(index, name);
    return value == nullptr ? 0 : value->i;
  };
  const int64_t from_begin = mask("begin_mask", 4), to_end = mask("end_mask", 5);
  if (mask("ellipsis_mask", 6) != 0 || mask("new_axis_mask", 7) != 0 ||
      mask("shrink_axis_mask", 8) != 0) {
    view.Fail("only slices that keep every axis are supported");
  }
  const auto rank = static_cast<size_t>(source.in.rank()) + 1;
  if (begin.size() > rank || end.size() != begin.size() || by.size() != begin.size()) {
    view.Fail("its limits do not fit a tensor of rank " + std::to_string(rank));
  }
  Step step;
  SetWhole(source.in, &step);
  for (size_t i = 0; i < begin.size(); ++i) {
    const int size = i == 0 ? static_cast<int>(source.batch) : source.in[static_cast<int>(i) - 1];
    const auto place = [size](int at) { return std::clamp(at < 0 ? at + size : at, 0, size); };
    const int first = (from_begin >> i & 1) != 0 ? 0 : place(begin[i]);
    const int last = (to_end >> i & 1) != 0 ? size : place(end[i]);
    if (by[i] < 1 || last <= first) view.Fail("takes nothing, or counts backward");
    const int count = (last - first + by[i] - 1) / by[i];
    if (i == 0) {
      if (count != size) view.Fail("takes a part of the batch, which is not supported");
      continue;
    }
    step.first[i - 1] = first;
    step.steps[i - 1] = by[i];
    step.shape[static_cast<int>(i) - 1] = count;
  }
  return step;
}

// TupleGetItem(Split(x, axis, count), index)
Step ParseSplit(const Source& source) {
  const Node& split = *graph::Producer(source.graph, source.node.inputs[0]);
  const Source whole{source.graph,  split,        source.value, source.in,
                     source.inputs, source.batch, source.reads};
  const NodeView view(source.graph, split);
  const int axis = whole.Axis(view.argument("axis", 1));
  const int count = view.ints(view.argument("output_num", 2), 1, "output_num")[0];
  const int index = view.ints(source.node.attributes.at("index"), 1, "index")[0];
  Step step;
  SetWhole(source.in, &step);
  if (count < 1 || source.in[axis] % count != 0 || index < 0 || index >= count) {
    view.Fail("does not divide its axis");
  }
  const int size = source.in[axis] / count;
  step.first[static_cast<size_t>(axis)] = index * size;
  step.shape[axis] = size;
  return step;
}

std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  const Node& node = *graph::Producer(graph, v);
  const NodeView view(graph, node);
  if (node.op == "StridedSlice") return std::vector<int>{view.input(0)};
  const Node* split = graph::Producer(graph, view.input(0), "Split");
  if (split == nullptr) return std::nullopt;
  return std::vector<int>{NodeView(graph, *split).input(0)};
}

Step Parse(const Source& source) {
  return source.node.op == "StridedSlice" ? ParseStrided(source) : ParseSplit(source);
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape in = InputOfRank(plan, *step, static_cast<int>(step->first.size()));
  CheckShape(*step, step->shape);
  if (step->shape.rank() != in.rank() || static_cast<int>(step->steps.size()) != in.rank()) {
    Fail(*step, "has limits of another rank than its input");
  }
  for (int axis = 0; axis < in.rank(); ++axis) {
    const int64_t first = step->first[static_cast<size_t>(axis)];
    const int64_t by = step->steps[static_cast<size_t>(axis)];
    if (first < 0 || by < 1 || by > kMaxDim || first + (step->shape[axis] - 1) * by >= in[axis]) {
      Fail(*step, "reaches beyond its input");
    }
  }
  return step->shape;
}

void ListFields(Fields& fields, Step& step) {
  fields.Numbers(step.first);
  fields.Numbers(step.steps);
  fields.Sizes(step.shape);
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  Strides strides = scheduler->values().strides(step.input());
  size_t begin = 0;
  for (size_t i = 0; i < step.first.size(); ++i) {
    begin += static_cast<size_t>(step.first[i]) * strides[i];
    strides[i] *= static_cast<size_t>(step.steps[i]);
  }
  const TensorShape out = step.shape;
  EmitWhole(scheduler, step, [=](const Whole&, const float* x, float* z) {
    kernels::Rearrange(out, strides, x + begin, MemoryStrides(out), z);
  });
}

void Compute(const Formula& f) {
  const TensorShape in = OfRank(f.step, f.in[0].shape, static_cast<int>(f.step.first.size()));
  for (size_t i = 0; i < f.z.size(); ++i) {
    Index at = IndexOf(f.shape, i);
    for (size_t k = 0; k < f.step.first.size(); ++k) {
      at[k] = f.step.first[k] + at[k] * f.step.steps[k];
    }
    f.z[i] = f.in[0].x[ElementOf(in, at)];
  }
}

}  // namespace

const Operator kSlice = {.kind = graph::StepKind::kSlice,
                         .mindir = {"StridedSlice", "TupleGetItem"},
                         .words = "StridedSlice, Split",
                         .match = Match,
                         .parse = Parse,
                         .infer = Infer,
                         .passes_values = true,
                         .any_order = true,
                         .fields = ListFields,
                         .emit = Emit,
                         .formula = Compute};

}  // namespace adabin::ops
