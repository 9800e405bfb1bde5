// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "graph/node_view.h"
#include "kernels/tensor.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;

constexpr int kMaxInputs = 1 << 10;

// The axis is the last input, or an attribute in older files.
std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  const graph::NodeView view(graph, *graph::Producer(graph, v));
  std::vector<int> inputs = graph::Producer(graph, v)->inputs;
  if (view.attribute("axis") == nullptr && !inputs.empty()) inputs.pop_back();
  if (inputs.empty()) view.Fail("joins nothing");
  return inputs;
}

Step Parse(const Source& source) {
  const graph::NodeView view(source.graph, source.node);
  Step step;
  step.kind = graph::StepKind::kConcat;
  step.axes = {source.Axis(view.argument("axis", source.node.inputs.size() - 1))};
  return step;
}

// A vector counts as the map of one pixel beside maps, or where the axis says so.
int CommonRank(const graph::Plan& plan, const Step& step) {
  int rank = step.axes.size() == 1 && step.axes[0] > 0 ? 2 : 1;
  for (const int input : step.inputs) {
    rank = std::max(rank, plan.values[static_cast<size_t>(input)].rank());
  }
  const bool vectors = InputTensor(plan, step).rank() == 1;
  return rank == 2 && vectors ? 3 : rank;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const int rank = CommonRank(plan, *step);
  TensorShape out = InputOfRank(plan, *step, rank);
  if (step->axes.size() != 1 || step->axes[0] < 0 || step->axes[0] >= rank) {
    Fail(*step, "has no such axis");
  }
  const int axis = step->axes[0];
  int64_t joined = 0;
  for (const int input : step->inputs) {
    TensorShape part = OfRank(*step, plan.values[static_cast<size_t>(input)], rank);
    joined += part[axis];
    part[axis] = out[axis];
    if (part != out) Fail(*step, "its inputs differ in more than the joined axis");
  }
  if (joined > kMaxDim) Fail(*step, "the feature map is too large");
  out[axis] = static_cast<int>(joined);
  CheckShape(*step, out);
  return out;
}

void ListFields(Fields& fields, Step& step) { fields.Numbers(step.axes); }

struct Part {
  TensorShape shape;
  Strides strides;
  int buffer;
  size_t offset;  // of the output, floats
};

// A copy: convolutions cannot write their part in place, as their pixels lie without gaps.
void Emit(schedule::Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  const TensorShape out = scheduler->TensorOf(scheduler->ValueOf(step));
  const Strides strides = MemoryStrides(out);
  const int axis = step.axes[0];
  std::vector<Part> parts;
  size_t offset = 0;
  std::string text;
  for (const int input : step.inputs) {
    const TensorShape shape = OfRank(step, scheduler->TensorOf(input), out.rank());
    const Strides places = values.strides(input);
    parts.push_back({shape, places, values.ReadFloats(input), offset});
    offset += static_cast<size_t>(shape[axis]) * strides[static_cast<size_t>(axis)];
    text.append(" ").append(schedule::Text(shape));
  }
  const int z = values.NewFloats(scheduler->ValueOf(step));
  const int rows = static_cast<int>(parts.size());
  const auto copy = [parts = std::move(parts), strides, z](const schedule::Frame& frame, int i) {
    const Part& part = parts[static_cast<size_t>(i)];
    kernels::Rearrange(part.shape, part.strides, frame.Floats(part.buffer), strides,
                       frame.Floats(z) + part.offset);
  };
  scheduler->Emit(schedule::MakeParts(rows, copy), "Concat" + text + " -> " + schedule::Text(out));
  scheduler->EmitRemainingBits(scheduler->ValueOf(step));
}

void Compute(const Formula& f) {
  const auto axis = static_cast<size_t>(f.step.axes[0]);
  for (size_t i = 0; i < f.z.size(); ++i) {
    Index at = IndexOf(f.shape, i);
    const Operand* part = f.in.data();
    TensorShape shape = OfRank(f.step, part->shape, f.shape.rank());
    while (at[axis] >= shape[f.step.axes[0]]) {
      at[axis] -= shape[f.step.axes[0]];
      ++part;
      shape = OfRank(f.step, part->shape, f.shape.rank());
    }
    f.z[i] = part->x[ElementOf(shape, at)];
  }
}

}  // namespace

const Operator kConcat = {.kind = graph::StepKind::kConcat,
                          .mindir = {"Concat"},
                          .words = "Concat",
                          .match = Match,
                          .parse = Parse,
                          .infer = Infer,
                          .max_inputs = kMaxInputs,
                          .passes_values = true,
                          .any_order = true,
                          .reads_tuple = true,
                          .fields = ListFields,
                          .emit = Emit,
                          .formula = Compute};

}  // namespace adabin::ops
