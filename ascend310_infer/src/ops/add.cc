// SPDX-License-Identifier: Apache-2.0
#include "graph/node_view.h"
#include "ops/arithmetic.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using graph::Step;
using schedule::Scheduler;

std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  const graph::NodeView view(graph, *graph::Producer(graph, v));
  return std::vector<int>{view.input(0), view.input(1)};
}

// Of maps that differ in size the smaller one is repeated: what arithmetic.cc does.
Step Parse(const Source& source) {
  // A vector and a map of one pixel are the same to the engine, and are not to MindSpore.
  const bool equal =
      source.inputs.size() != 2 ||
      (source.inputs[0] == source.inputs[1] && source.inputs[0].rank() == source.inputs[1].rank());
  if (!equal && source.inputs[1].rank() != 0) return ParseArithmetic(source);
  Step step;
  step.kind = graph::StepKind::kAdd;
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape& in = InputTensor(plan, *step);
  if (step->second() < 0 || SecondTensor(plan, *step) != in) {
    Fail(*step, "the two summands differ in shape");
  }
  return in;
}

void Emit(Scheduler* scheduler, const Step& step) { EmitMap(scheduler, step, step.second()); }

void Compute(const Formula& f) {
  for (size_t i = 0; i < f.z.size(); ++i) {
    f.z[i] = static_cast<float>(double{f.in[0].x[i]} + double{f.in[1].x[i]});
  }
}

}  // namespace

const Operator kAdd = {.kind = graph::StepKind::kAdd,
                       .mindir = {"Add"},
                       .words = "Add",
                       .match = Match,
                       .parse = Parse,
                       .infer = Infer,
                       .max_inputs = 2,
                       .fuse = FuseActivation,
                       .emit = Emit,
                       .formula = Compute};

}  // namespace adabin::ops
