// SPDX-License-Identifier: Apache-2.0
#include "lower/patterns.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/bits.h"

namespace adabin::lower {
namespace {

using ir::Graph;
using ir::Node;
using ir::Tensor;

int Uses(const Graph& graph, int v) { return graph.values[static_cast<size_t>(v)].uses; }

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
  bool exclusive;
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
    const bool exclusive = Uses(graph, v) == 1 && Uses(graph, mul->inputs[1 - side]) == 1;
    return SlopeTerm{slope, relu->inputs[0], exclusive};
  }
  return std::nullopt;
}

std::optional<ActivationMatch> MatchMaxout(const Graph& graph, const Node& sub) {
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
  match.act = Activation::kTwoSlope;
  match.positive = positive->slope->data;
  match.negative = negative->slope->data;
  match.exclusive = positive->exclusive && negative->exclusive && Uses(graph, negative->y) == 1 &&
                    Uses(graph, match.x) == 2;
  return match;
}

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
  while (is(node, {"Reshape", "Flatten", "MaxPool"})) node = Producer(graph, node->inputs[0]);
  if (!is(node, {"Select"})) return false;
  const Node* compare = Producer(graph, node->inputs[0]);
  while (is(compare, {"LogicalNot"})) compare = Producer(graph, compare->inputs[0]);
  return is(compare, {"GreaterEqual", "Greater", "LessEqual", "Less", "Equal", "NotEqual"});
}

std::optional<ActivationMatch> MatchActivation(const Graph& graph, int v) {
  const Node* node = Producer(graph, v);
  if (node == nullptr) return std::nullopt;
  if (node->op == "Sub") return MatchMaxout(graph, *node);
  ActivationMatch match;
  if (node->op == "ReLU" && node->inputs.size() == 1) {
    match.act = Activation::kRelu;
  } else if (node->op == "PReLU" && node->inputs.size() == 2) {
    const Tensor* slope = ConstantTensor(graph, node->inputs[1]);
    if (slope == nullptr || !IsPerChannel(*slope)) return std::nullopt;
    match.act = Activation::kTwoSlope;
    match.positive = {1.0f};
    match.negative = slope->data;
  } else {
    return std::nullopt;
  }
  match.x = node->inputs[0];
  match.exclusive = Uses(graph, match.x) == 1;
  return match;
}

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

std::optional<BinaryWeights> MatchBinaryWeights(const Tensor& weights) {
  if (weights.shape.size() != 4 || weights.data.empty()) return std::nullopt;
  const auto channels = static_cast<size_t>(weights.shape[0]);
  const auto group_in = static_cast<size_t>(weights.shape[1]);
  const auto taps = static_cast<size_t>(weights.shape[2] * weights.shape[3]);
  const size_t filter = group_in * taps;
  const size_t row_words = RowWords(static_cast<int>(filter));
  BinaryWeights binary;
  binary.bits.assign(channels * row_words, 0);
  for (size_t o = 0; o < channels; ++o) {
    const float* row = weights.data.data() + o * filter;
    float low = row[0];
    float high = row[0];
    for (size_t i = 0; i < filter; ++i) {
      if (!std::isfinite(row[i])) return std::nullopt;
      low = std::min(low, row[i]);
      high = std::max(high, row[i]);
    }
    for (size_t c = 0; c < group_in; ++c) {
      for (size_t t = 0; t < taps; ++t) {
        const float value = row[c * taps + t];
        if (value == low) continue;
        if (value != high) return std::nullopt;
        SetBit(binary.bits.data() + o * row_words, t * group_in + c);
      }
    }
    binary.low.push_back(low);
    binary.high.push_back(high);
  }
  return binary;
}

}  // namespace adabin::lower
