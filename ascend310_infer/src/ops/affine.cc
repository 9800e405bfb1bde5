// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "graph/node_view.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeView;
using graph::Step;
using graph::Tensor;
using schedule::Scheduler;

// y = x * scale + shift per channel: inference BatchNorm, BiasAdd, and the four operations with a
// constant.
struct AffineMatch {
  int x = -1;
  Epilogue after;          // of which that
  bool last_axis = false;  // several values are those of the last axis, of a map the columns
  size_t rank = 0;         // of the constant
};

// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale
AffineMatch FoldBatchNorm(const Graph& graph, const Node& node) {
  const NodeView view(graph, node);
  const Tensor* parts[4];
  for (size_t i = 0; i < 4; ++i) {
    parts[i] = ConstantTensor(graph, view.input(i + 1));
    if (parts[i] == nullptr) view.Fail("its parameters are not constants");
    if (parts[i]->data.size() != parts[0]->data.size()) view.Fail("its parameters differ in size");
  }
  const graph::Value& training = view.argument("is_training", 5);
  if (training.kind != graph::Value::Kind::kInt || training.i != 0) {
    view.Fail("is in training mode; export after set_train(False)");
  }
  const graph::Value& epsilon = view.argument("epsilon", 6);
  if (epsilon.kind != graph::Value::Kind::kFloat) view.Fail("has no epsilon");
  AffineMatch match;
  match.x = view.input(0);
  const auto& [gamma, beta, mean, variance] = parts;
  for (size_t c = 0; c < gamma->data.size(); ++c) {
    const double spread = double{variance->data[c]} + epsilon.f;
    if (!(spread > 0)) view.Fail("a variance is negative or zero, or no number");
    const double scale = gamma->data[c] / std::sqrt(spread);
    match.after.scale.push_back(scale);
    match.after.shift.push_back(beta->data[c] - mean->data[c] * scale);
  }
  return match;
}

// The values of a constant that broadcasts over all but one axis; empty where it does not.
std::vector<double> Constants(const Graph& graph, int v, AffineMatch* match) {
  if (const auto scalar = graph::ConstantScalar(graph, v)) {
    if (const Tensor* tensor = ConstantTensor(graph, v)) match->rank = tensor->shape.size();
    return {*scalar};
  }
  const graph::GraphValue& value = graph.values[static_cast<size_t>(v)];
  if (value.kind == graph::GraphValue::Kind::kConstant &&
      value.constant.kind == graph::Value::Kind::kInt) {
    return {static_cast<double>(value.constant.i)};
  }
  const Tensor* tensor = ConstantTensor(graph, v);
  if (tensor == nullptr) return {};
  const size_t rank = match->rank = tensor->shape.size();
  const auto n = static_cast<int64_t>(tensor->data.size());
  match->last_axis = rank > 0 && tensor->shape[rank - 1] == n;
  if (n == 0 || (!match->last_axis && (rank < 3 || tensor->shape[rank - 3] != n))) return {};
  return {tensor->data.begin(), tensor->data.end()};
}

// x + c, c + x, x - c, c - x, x * c, c * x, x / c; Adds and the like have a number for a constant.
std::optional<AffineMatch> MatchConstant(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  const bool divides = node.op == "RealDiv" || node.op.starts_with("Div");
  const bool subtracts = node.op.starts_with("Sub");
  for (const size_t side : {1u, 0u}) {
    if (divides && side == 0) break;
    AffineMatch match;
    std::vector<double> values = Constants(graph, node.inputs[side], &match);
    if (values.empty()) continue;
    match.x = node.inputs[1 - side];
    if (node.op.starts_with("Mul") || divides) {
      for (double& value : values) value = divides ? 1 / value : value;
      match.after.scale = std::move(values);
    } else {
      const bool minus = subtracts && side == 1;
      for (double& value : values) value = minus ? -value : value;
      if (subtracts && side == 0) match.after.scale.assign(values.size(), -1.0);
      match.after.shift = std::move(values);
    }
    return match;
  }
  return std::nullopt;
}

// Nothing where `v` is something else.
std::optional<AffineMatch> MatchAffine(const Graph& graph, int v) {
  const Node* node = Producer(graph, v);
  if (node == nullptr) return std::nullopt;
  if (node->op == "BatchNorm") return FoldBatchNorm(graph, *node);
  if (node->op == "BiasAdd" && node->inputs.size() >= 2) {
    const Tensor* bias = ConstantTensor(graph, node->inputs[1]);
    if (bias == nullptr) return std::nullopt;
    AffineMatch match;
    match.x = node->inputs[0];
    match.after.shift.assign(bias->data.begin(), bias->data.end());
    return match;
  }
  for (const char* op : {"Add", "Sub", "Mul", "RealDiv", "Div", "Adds", "Subs", "Muls", "Divs"}) {
    if (node->op == op) return MatchConstant(graph, *node);
  }
  return std::nullopt;
}

std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  if (const auto match = MatchAffine(graph, v)) return std::vector<int>{match->x};
  return std::nullopt;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kAffine;
  const auto match = MatchAffine(source.graph, source.value);
  const graph::NodeView view(source.graph, source.node);
  if (match->rank > static_cast<size_t>(source.in.rank()) + 1) {
    view.Fail("its constant has more axes than what it is joined with");
  }
  int channels = source.in.pixels().c;
  if (match->after.scale.size() > 1 || match->after.shift.size() > 1) {
    if (!match->last_axis) channels = source.Map().c;
    if (match->last_axis && source.in.rank() == 3) {
      view.Fail("a constant along the columns of a map is not supported");
    }
  }
  step.after.scale = PerChannel(match->after.scale, channels);
  step.after.shift = PerChannel(match->after.shift, channels);
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape& in = InputTensor(plan, *step);
  CheckAffine(*step, in.pixels().c);
  return in;
}

void ListFields(Fields& fields, Step& step) {
  fields.Array(step.after.scale);
  fields.Array(step.after.shift);
}

void Emit(Scheduler* scheduler, const Step& step) { EmitMap(scheduler, step, -1); }

void Compute(const Formula& f) {
  for (size_t i = 0; i < f.z.size(); ++i) {
    f.z[i] = Finish(f, ChannelOf(f.shape, i), i, f.in[0].x[i]);
  }
}

}  // namespace

const Operator kAffine = {.kind = graph::StepKind::kAffine,
                          .mindir = {"BatchNorm", "BiasAdd", "Add", "Sub", "Mul", "RealDiv", "Div",
                                     "Adds", "Subs", "Muls", "Divs"},
                          .words = "BatchNorm, BiasAdd, Add, Sub, Mul and RealDiv with constants",
                          .match = Match,
                          .parse = Parse,
                          .infer = Infer,
                          .fields = ListFields,
                          .fuse = FuseActivation,
                          .emit = Emit,
                          .formula = Compute};

}  // namespace adabin::ops
