// SPDX-License-Identifier: Apache-2.0
#include "ops/activation.h"

#include <string>

#include "graph/node_view.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using graph::ConstantScalar;
using graph::ConstantTensor;
using graph::Graph;
using graph::Node;
using graph::Producer;
using graph::Step;
using graph::Tensor;
using schedule::Scheduler;

// ReLU(x), PReLU(x, w), LeakyReLU or Maxout, x >= 0 ? pos x : neg x.
struct ActivationMatch {
  int x = -1;
  Epilogue after;  // of which that; slopes have one entry, or one per channel
};

// A constant with one value, or one per channel: shape (), (1), (C), (C,1,1), (1,C,1,1).
bool IsPerChannel(const Tensor& tensor) {
  if (tensor.data.size() == 1) return true;
  const size_t rank = tensor.shape.size();
  const auto n = static_cast<int64_t>(tensor.data.size());
  if (rank == 3 || rank == 4) {
    return tensor.shape[rank - 3] == n;  // then all other sizes are 1
  }
  return rank == 1;
}

// A slope of Maxout multiplies a rank-4 map, where a plain (C) would run along the columns.
bool IsSlope(const Tensor& tensor) {
  return tensor.data.size() == 1 || (tensor.shape.size() >= 3 && IsPerChannel(tensor));
}

// Mul(slope, ReLU(y)), in either order.
struct SlopeTerm {
  const Tensor* slope;
  int y;
};
std::optional<SlopeTerm> MatchSlopeTerm(const Graph& graph, int v) {
  const Node* mul = Producer(graph, v, "Mul");
  if (mul == nullptr || mul->inputs.size() != 2) return std::nullopt;
  for (size_t side = 0; side < 2; ++side) {
    const Tensor* slope = ConstantTensor(graph, mul->inputs[side]);
    const Node* relu = Producer(graph, mul->inputs[1 - side], "ReLU");
    if (slope == nullptr || relu == nullptr || relu->inputs.size() != 1 || !IsSlope(*slope)) {
      continue;
    }
    return SlopeTerm{slope, relu->inputs[0]};
  }
  return std::nullopt;
}

// Mul(x, Select(GreaterEqual(x, 0), pos, neg)), in either order.
std::optional<ActivationMatch> MatchMaxout(const Graph& graph, const Node& mul) {
  for (size_t side = 0; side < 2 && mul.inputs.size() == 2; ++side) {
    const int x = mul.inputs[side], slope = mul.inputs[1 - side];
    const Node* select = Producer(graph, slope, "Select");
    if (select == nullptr || select->inputs.size() != 3) continue;
    const Node* sign = Producer(graph, select->inputs[0], "GreaterEqual");
    const Tensor* positive = ConstantTensor(graph, select->inputs[1]);
    const Tensor* negative = ConstantTensor(graph, select->inputs[2]);
    if (sign == nullptr || sign->inputs.size() != 2 || sign->inputs[0] != x ||
        ConstantScalar(graph, sign->inputs[1]) != 0.0f || positive == nullptr ||
        negative == nullptr || !IsSlope(*positive) || !IsSlope(*negative)) {
      continue;
    }
    ActivationMatch match;
    match.x = x;
    match.after.act = Activation::kTwoSlope;
    match.after.positive = positive->data;
    match.after.negative = negative->data;
    return match;
  }
  return std::nullopt;
}

// LeakyReLU: Maximum(Mul(x, slope), x) with one slope from 0 to 1, in any order.
std::optional<ActivationMatch> MatchLeaky(const Graph& graph, const Node& maximum) {
  for (size_t side = 0; side < 2 && maximum.inputs.size() == 2; ++side) {
    const int x = maximum.inputs[side];
    const Node* mul = Producer(graph, maximum.inputs[1 - side], "Mul");
    for (size_t factor = 0; mul != nullptr && mul->inputs.size() == 2 && factor < 2; ++factor) {
      const auto slope = ConstantScalar(graph, mul->inputs[factor]);
      if (mul->inputs[1 - factor] != x || !slope || !(*slope >= 0 && *slope <= 1)) continue;
      ActivationMatch match;
      match.x = x;
      match.after.act = Activation::kTwoSlope;
      match.after.positive = {1.0f};
      match.after.negative = {*slope};
      return match;
    }
  }
  return std::nullopt;
}

// Maxout in files exported earlier: Sub(Mul(pos, ReLU(x)), Mul(neg, ReLU(Neg(x)))).
std::optional<ActivationMatch> MatchMaxoutOfTwo(const Graph& graph, const Node& sub) {
  if (sub.inputs.size() != 2) return std::nullopt;
  const auto positive = MatchSlopeTerm(graph, sub.inputs[0]);
  const auto negative = MatchSlopeTerm(graph, sub.inputs[1]);
  if (!positive || !negative) return std::nullopt;
  const Node* neg = Producer(graph, negative->y, "Neg");
  if (neg == nullptr || neg->inputs.size() != 1 || neg->inputs[0] != positive->y) {
    return std::nullopt;
  }
  ActivationMatch match;
  match.x = positive->y;
  match.after.act = Activation::kTwoSlope;
  match.after.positive = positive->slope->data;
  match.after.negative = negative->slope->data;
  return match;
}

// Nothing where `v` is something else.
std::optional<ActivationMatch> MatchActivation(const Graph& graph, int v) {
  const Node* node = Producer(graph, v);
  if (node == nullptr) return std::nullopt;
  if (node->op == "Mul") return MatchMaxout(graph, *node);
  if (node->op == "Sub") return MatchMaxoutOfTwo(graph, *node);
  if (node->op == "Maximum") return MatchLeaky(graph, *node);
  ActivationMatch match;
  if (node->op == "ReLU" && node->inputs.size() == 1) {
    match.after.act = Activation::kRelu;
  } else if (node->op == "PReLU" && node->inputs.size() == 2) {
    const Tensor* slope = ConstantTensor(graph, node->inputs[1]);
    if (slope == nullptr || !IsPerChannel(*slope)) return std::nullopt;
    match.after.act = Activation::kTwoSlope;
    match.after.positive = {1.0f};
    match.after.negative = slope->data;
  } else {
    return std::nullopt;
  }
  match.x = node->inputs[0];
  return match;
}

std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  if (const auto match = MatchActivation(graph, v)) return std::vector<int>{match->x};
  return std::nullopt;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kActivation;
  const ActivationMatch match = *MatchActivation(source.graph, source.value);
  const bool slopes = match.after.positive.size() > 1 || match.after.negative.size() > 1;
  const int channels = slopes ? source.Map().c : source.in.pixels().c;
  step.after.act = match.after.act;
  step.after.positive = PerChannel(match.after.positive, channels);
  step.after.negative = PerChannel(match.after.negative, channels);
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  const TensorShape& in = InputTensor(plan, *step);
  CheckActivation(*step, in.pixels().c);
  return in;
}

void ListFields(Fields& fields, Step& step) {
  fields.Choice(step.after.act);
  fields.Array(step.after.positive);
  fields.Array(step.after.negative);
}

void Emit(Scheduler* scheduler, const Step& step) { EmitMap(scheduler, step, -1); }

void Compute(const Formula& f) {
  for (size_t i = 0; i < f.z.size(); ++i) {
    f.z[i] = static_cast<float>(Activate(f.step, ChannelOf(f.shape, i), f.in[0].x[i]));
  }
}

}  // namespace

void CheckActivation(const Step& step, int channels) {
  switch (step.after.act) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kTwoSlope:
      break;
    default:
      Fail(step, "unknown activation " + std::to_string(static_cast<int>(step.after.act)));
  }
  const size_t slopes = step.after.act == Activation::kTwoSlope ? static_cast<size_t>(channels) : 0;
  CheckSize(step, "positive slope", step.after.positive.size(), slopes);
  CheckSize(step, "negative slope", step.after.negative.size(), slopes);
  CheckFinite(step, "slope", step.after.positive);
  CheckFinite(step, "slope", step.after.negative);
}

const Operator kActivation = {.kind = graph::StepKind::kActivation,
                              .mindir = {"ReLU", "PReLU", "Mul", "Sub", "Maximum"},
                              .words = "ReLU, PReLU, LeakyReLU, Maxout",
                              .match = Match,
                              .parse = Parse,
                              .infer = Infer,
                              .fields = ListFields,
                              .emit = Emit,
                              .formula = Compute};

}  // namespace adabin::ops
