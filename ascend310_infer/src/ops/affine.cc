// SPDX-License-Identifier: Apache-2.0
#include "ops/affine.h"

#include <cmath>

#include "ir/node_view.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeView;
using ir::Step;
using ir::Tensor;
using schedule::Scheduler;

// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale
AffineMatch FoldBatchNorm(const Graph& graph, const Node& node) {
  const NodeView view(graph, node);
  const Tensor* parts[4];
  for (size_t i = 0; i < 4; ++i) {
    parts[i] = ConstantTensor(graph, view.input(i + 1));
    if (parts[i] == nullptr) view.Fail("its parameters are not constants");
    if (parts[i]->data.size() != parts[0]->data.size()) view.Fail("its parameters differ in size");
  }
  const ir::Value& training = view.argument("is_training", 5);
  if (training.kind != ir::Value::Kind::kInt || training.i != 0) {
    view.Fail("is in training mode; export after set_train(False)");
  }
  const ir::Value& epsilon = view.argument("epsilon", 6);
  if (epsilon.kind != ir::Value::Kind::kFloat) view.Fail("has no epsilon");
  AffineMatch match;
  match.x = view.input(0);
  const auto& [gamma, beta, mean, variance] = parts;
  for (size_t c = 0; c < gamma->data.size(); ++c) {
    const double scale = gamma->data[c] / std::sqrt(double{variance->data[c]} + epsilon.f);
    match.scale.push_back(scale);
    match.shift.push_back(beta->data[c] - mean->data[c] * scale);
  }
  return match;
}

std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  if (const auto match = MatchAffine(graph, v)) return std::vector<int>{match->x};
  return std::nullopt;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = ir::StepKind::kAffine;
  const auto match = MatchAffine(source.graph, source.value);
  SetAffine(match->scale, match->shift, source.in.c, &step);
  return step;
}

Shape Infer(const ir::Plan& plan, Step* step) {
  const Shape in = InputShape(plan, *step);
  CheckAffine(*step, in.c);
  return in;
}

void ListFields(Fields& fields, Step& step) {
  fields.Array(step.scale);
  fields.Array(step.shift);
}

void Emit(Scheduler* scheduler, const Step& step) {
  Followers followers;
  followers.value = scheduler->ValueOf(step);
  followers.affine = &step;
  if (scheduler->fuse()) {
    followers.activation = Follow(scheduler, ir::StepKind::kActivation, &followers);
  }
  EmitMap(scheduler, step, followers, -1, TailText(followers));
}

}  // namespace

std::optional<AffineMatch> MatchAffine(const Graph& graph, int v) {
  const Node* node = Producer(graph, v);
  if (node == nullptr) return std::nullopt;
  if (node->op == "BatchNorm") return FoldBatchNorm(graph, *node);
  if (node->op == "BiasAdd" && node->inputs.size() >= 2) {
    const Tensor* bias = ConstantTensor(graph, node->inputs[1]);
    if (bias == nullptr) return std::nullopt;
    AffineMatch match;
    match.x = node->inputs[0];
    match.shift.assign(bias->data.begin(), bias->data.end());
    return match;
  }
  return std::nullopt;
}

void SetAffine(const std::vector<double>& scale, const std::vector<double>& shift, int channels,
               Step* step) {
  step->scale = PerChannel(scale, channels);
  step->shift = PerChannel(shift, channels);
}

const Operator kAffine = {.kind = ir::StepKind::kAffine,
                          .mindir = {"BatchNorm", "BiasAdd"},
                          .words = "BatchNorm, BiasAdd",
                          .match = Match,
                          .parse = Parse,
                          .infer = Infer,
                          .fields = ListFields,
                          .emit = Emit};

}  // namespace adabin::ops
