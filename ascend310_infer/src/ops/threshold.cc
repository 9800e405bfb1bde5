// SPDX-License-Identifier: Apache-2.0
#include "ops/threshold.h"

#include <cmath>
#include <string>

#include "graph/node_view.h"
#include "kernels/feature_map.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using graph::ConstantScalar;
using graph::Graph;
using graph::Node;
using graph::Producer;
using graph::Step;

// A comparison of any kind, or the opposite of one; or null.
const Node* Comparison(const Graph& graph, int v) {
  const Node* node = Producer(graph, v);
  while (node != nullptr && node->op == "LogicalNot" && node->inputs.size() == 1) {
    node = Producer(graph, node->inputs[0]);
  }
  if (node == nullptr || node->inputs.size() != 2) return nullptr;
  for (const char* op : {"GreaterEqual", "Greater", "LessEqual", "Less", "Equal", "NotEqual"}) {
    if (node->op == op) return node;
  }
  return nullptr;
}

// Select by a comparison: all that ParseKnown takes, and what is `unknown` until binary layers,
// which would read it, are recognized or refused.
std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  const Node* select = Producer(graph, v, "Select");
  if (select == nullptr || select->inputs.size() != 3) return std::nullopt;
  const Node* compare = Comparison(graph, select->inputs[0]);
  if (compare == nullptr) return std::nullopt;
  for (const int operand : compare->inputs) {
    const auto kind = graph.values[static_cast<size_t>(operand)].kind;
    if (kind != graph::GraphValue::Kind::kConstant) return std::vector<int>{operand};
  }
  return std::nullopt;
}

// Select(GreaterEqual(x, threshold), high, low), or Select(GreaterEqual(threshold, x), low, high):
// then the bit is 1 where the comparison is false, as it is for NaN.
bool ParseKnown(const Graph& graph, const Node& select, Step* step) {
  const Node* compare = Producer(graph, select.inputs[0], "GreaterEqual");
  const auto taken = ConstantScalar(graph, select.inputs[1]);
  const auto other = ConstantScalar(graph, select.inputs[2]);
  if (compare == nullptr || !taken || !other) return false;
  const auto left = ConstantScalar(graph, compare->inputs[0]);
  const auto right = ConstantScalar(graph, compare->inputs[1]);
  if (!left && !right) return false;
  step->compare = right ? Compare::kAtLeast : Compare::kNotAtMost;
  step->threshold = right ? *right : *left;
  step->high = right ? *taken : *other;
  step->low = right ? *other : *taken;
  return true;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kThreshold;
  step.unknown = !ParseKnown(source.graph, source.node, &step);
  if (step.unknown) {
    const Node* compare = Comparison(source.graph, source.node.inputs[0]);
    step.origin = {compare->op, compare->name};
  }
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  CheckCompare(*step);
  return InputTensor(plan, *step);
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  EmitWhole(scheduler, step, [s = &step](const Whole& whole, const float* x, float* z) {
    kernels::Threshold(whole.in.size(), x, s->compare, s->threshold, s->high, s->low, z);
  });
}

void Compute(const Formula& f) {
  const Step& s = f.step;
  for (size_t i = 0; i < f.z.size(); ++i) {
    f.z[i] = ActivationBit(s.compare, f.in[0].x[i], s.threshold) ? s.high : s.low;
  }
}

}  // namespace

void CheckCompare(const Step& step) {
  if (step.compare != Compare::kAtLeast && step.compare != Compare::kNotAtMost) {
    Fail(step, "unknown comparison " + std::to_string(static_cast<int>(step.compare)));
  }
  if (std::isnan(step.threshold)) Fail(step, "its threshold is not a number");
}

void BinarizerFields(Fields& fields, Step& step) {
  fields.Choice(step.compare);
  fields.Number(step.threshold);
  fields.Number(step.high);
  fields.Number(step.low);
}

const Operator kThreshold = {.kind = graph::StepKind::kThreshold,
                             .mindir = {"Select"},
                             .words = "Select with GreaterEqual",
                             .match = Match,
                             .parse = Parse,
                             .infer = Infer,
                             .fields = BinarizerFields,
                             .emit = Emit,
                             .formula = Compute};

}  // namespace adabin::ops
