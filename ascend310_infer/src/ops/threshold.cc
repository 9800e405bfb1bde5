// SPDX-License-Identifier: Apache-2.0
#include "ops/threshold.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

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
using ir::NodeView;
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
  const auto check = [&](float threshold) {
    if (std::isnan(threshold)) NodeView(graph, *compare).Fail("its threshold is not a number");
  };
  if (const auto threshold = ConstantScalar(graph, compare->inputs[1])) {
    check(*threshold);
    return Binarizer{compare->inputs[0], Compare::kAtLeast, *threshold, *taken, *other};
  }
  if (const auto threshold = ConstantScalar(graph, compare->inputs[0])) {
    check(*threshold);
    return Binarizer{compare->inputs[1], Compare::kNotAtMost, *threshold, *other, *taken};
  }
  return std::nullopt;
}

bool IsBinarized(const Graph& graph, int v) {
  const auto is = [](const Node* node, std::initializer_list<const char*> ops) {
    return node != nullptr && !node->inputs.empty() &&
           std::find(ops.begin(), ops.end(), node->op) != ops.end();
  };
  // What `v` passes on, each once: operators that join values read some many times over.
  std::vector<int> left = {v};
  std::set<int> seen = {v};
  while (!left.empty()) {
    const Node* node = Producer(graph, left.back());
    left.pop_back();
    size_t passed = 0;
    if (is(node, {"Concat"})) {
      passed = node->inputs.size();
    } else if (is(node, {"Reshape", "Flatten", "MaxPool", "MaxPoolWithArgmaxV2", "MaxPool3D",
                         "MaxPool3DWithArgmax", "AdaptiveMaxPool2D", "Transpose", "Squeeze",
                         "ExpandDims", "Pad", "StridedSlice", "TupleGetItem", "Split"})) {
      passed = 1;
    }
    for (size_t i = 0; i < passed; ++i) {
      const ir::GraphValue& value = graph.values[static_cast<size_t>(node->inputs[i])];
      const bool axis = value.kind == ir::GraphValue::Kind::kConstant &&
                        value.constant.kind != ir::Value::Kind::kTensor;
      if (!axis && seen.insert(node->inputs[i]).second) left.push_back(node->inputs[i]);
    }
    if (passed > 0) continue;
    if (!is(node, {"Select"})) return false;
    const Node* compare = Producer(graph, node->inputs[0]);
    while (is(compare, {"LogicalNot"})) compare = Producer(graph, compare->inputs[0]);
    if (!is(compare, {"GreaterEqual", "Greater", "LessEqual", "Less", "Equal", "NotEqual"})) {
      return false;
    }
  }
  return true;
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
  if (std::isnan(step.threshold)) Fail(step, "its threshold is not a number");
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
