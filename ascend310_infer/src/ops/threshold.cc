// SPDX-License-Identifier: Apache-2.0
#include "ops/threshold.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "ir/node_view.h"
#include "kernels/feature_map.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using ir::ConstantScalar;
using ir::Graph;
using ir::Node;
using ir::Producer;
using ir::Step;

std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  if (const auto match = MatchBinarizer(graph, v)) return std::vector<int>{match->x};
  return std::nullopt;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = ir::StepKind::kThreshold;
  SetBinarizer(*MatchBinarizer(source.graph, source.value), &step);
  return step;
}

TensorShape Infer(const ir::Plan& plan, Step* step) {
  CheckCompare(*step);
  return InputTensor(plan, *step);
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  EmitWhole(scheduler, step, [s = &step](const Whole& whole, const float* x, float* z) {
    kernels::Threshold(whole.in.size(), x, s->compare, s->threshold, s->high, s->low, z);
  });
}

}  // namespace

std::optional<Binarizer> MatchBinarizer(const Graph& graph, int v) {
  const Node* select = Producer(graph, v, "Select");
  if (select == nullptr || select->inputs.size() != 3) return std::nullopt;
  const Node* compare = Producer(graph, select->inputs[0], "GreaterEqual");
  if (compare == nullptr || compare->inputs.size() != 2) return std::nullopt;
  const auto taken = ConstantScalar(graph, select->inputs[1]);
  const auto other = ConstantScalar(graph, select->inputs[2]);
  if (!taken || !other) return std::nullopt;
  if (const auto threshold = ConstantScalar(graph, compare->inputs[1])) {
    return Binarizer{compare->inputs[0], Compare::kAtLeast, *threshold, *taken, *other};
  }
  if (const auto threshold = ConstantScalar(graph, compare->inputs[0])) {
    return Binarizer{compare->inputs[1], Compare::kNotAtMost, *threshold, *other, *taken};
  }
  return std::nullopt;
}

bool IsBinarized(const Graph& graph, int v) {
  const auto is = [](const Node* node, std::initializer_list<const char*> ops) {
    return node != nullptr && !node->inputs.empty() &&
           std::find(ops.begin(), ops.end(), node->op) != ops.end();
  };
  const Node* node = Producer(graph, v);
  while (is(node, {"Reshape", "Flatten", "MaxPool", "MaxPoolWithArgmaxV2", "MaxPool3D",
                   "MaxPool3DWithArgmax", "AdaptiveMaxPool2D", "Transpose", "Squeeze", "ExpandDims",
                   "Concat", "StridedSlice", "TupleGetItem", "Split"})) {
    node = Producer(graph, node->inputs[0]);
  }
  if (!is(node, {"Select"})) return false;
  const Node* compare = Producer(graph, node->inputs[0]);
  while (is(compare, {"LogicalNot"})) compare = Producer(graph, compare->inputs[0]);
  return is(compare, {"GreaterEqual", "Greater", "LessEqual", "Less", "Equal", "NotEqual"});
}

void SetBinarizer(const Binarizer& binarizer, Step* step) {
  step->compare = binarizer.compare;
  step->threshold = binarizer.threshold;
  step->high = binarizer.high;
  step->low = binarizer.low;
}

void CheckCompare(const Step& step) {
  if (step.compare != Compare::kAtLeast && step.compare != Compare::kNotAtMost) {
    Fail(step, "unknown comparison " + std::to_string(static_cast<int>(step.compare)));
  }
}

void BinarizerFields(Fields& fields, Step& step) {
  fields.Choice(step.compare);
  fields.Number(step.threshold);
  fields.Number(step.high);
  fields.Number(step.low);
}

const Operator kThreshold = {.kind = ir::StepKind::kThreshold,
                             .mindir = {"Select"},
                             .words = "Select with GreaterEqual",
                             .match = Match,
                             .parse = Parse,
                             .infer = Infer,
                             .fields = BinarizerFields,
                             .emit = Emit};

}  // namespace adabin::ops
