// SPDX-License-Identifier: Apache-2.0
#include "lower/chain.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "ir/node_view.h"
#include "ops/affine.h"

namespace adabin::lower {
namespace {

using ir::Graph;
using ir::Node;
using ops::AffineMatch;

// `scale` and `shift` hold what comes after `affine`; afterwards they hold both as one.
void Compose(const AffineMatch& affine, std::vector<double>* scale, std::vector<double>* shift) {
  const size_t n =
      std::max({affine.scale.size(), affine.shift.size(), scale->size(), shift->size()});
  for (const size_t size :
       {affine.scale.size(), affine.shift.size(), scale->size(), shift->size()}) {
    if (size > 1 && size != n) throw Error("a BatchNorm and a bias differ in channels");
  }
  const auto at = [](const std::vector<double>& v, size_t i, double none) {
    return v.empty() ? none : v[v.size() == 1 ? 0 : i];
  };
  std::vector<double> new_scale(n), new_shift(n);
  for (size_t i = 0; i < n; ++i) {
    new_scale[i] = at(affine.scale, i, 1) * at(*scale, i, 1);
    new_shift[i] = at(affine.shift, i, 0) * at(*scale, i, 1) + at(*shift, i, 0);
  }
  *scale = std::move(new_scale);
  *shift = std::move(new_shift);
}

bool UsedOnce(const Graph& graph, int v) { return ir::Uses(graph, v) == 1; }

// No layer that is binary runs as float unasked: what cannot be packed is refused.
void MatchBinary(const Graph& graph, Chain* chain) {
  const ir::NodeView conv(graph, *chain->core);
  const ir::Tensor* weights = ir::ConstantTensor(graph, conv.input(1));
  if (weights == nullptr || !ops::IsBinarized(graph, chain->input)) return;
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(weights->data.begin(), weights->data.end(), finite)) {
    conv.Fail("its input is binarized and a weight is not finite; export the network again");
  }
  chain->binary_weights = ops::MatchBinaryWeights(*weights);
  if (!chain->binary_weights) return;
  chain->binarizer = ops::MatchBinarizer(graph, chain->input);
  if (!chain->binarizer) {
    conv.Fail(
        "is binary but cannot be packed: its input has to be Select(GreaterEqual(x, t), high, "
        "low) or Select(GreaterEqual(t, x), low, high) of scalar constants, with nothing in "
        "between");
  }
  // Infinite values have no difference.
  if (!finite(chain->binarizer->high) || !finite(chain->binarizer->low)) {
    conv.Fail("its binarized input takes a value that is not finite");
  }
  chain->input = chain->binarizer->x;
}

// Follows BatchNorm and bias backward from `v` to a convolution. Nothing when there is none.
std::optional<Chain> MatchCore(const Graph& graph, int v) {
  Chain chain;
  while (const auto affine = ops::MatchAffine(graph, v)) {
    const bool per_channel =
        !affine->last_axis || std::max(affine->scale.size(), affine->shift.size()) == 1;
    if (!UsedOnce(graph, affine->x) || !per_channel || affine->rank > 4) return std::nullopt;
    Compose(*affine, &chain.scale, &chain.shift);
    v = affine->x;
  }
  chain.core = ir::Producer(graph, v, "Conv2D");
  if (chain.core == nullptr) return std::nullopt;
  chain.input = ir::NodeView(graph, *chain.core).input(0);
  MatchBinary(graph, &chain);
  return chain;
}

bool IsConstant(const Graph& graph, int v) {
  return graph.values[static_cast<size_t>(v)].kind == ir::GraphValue::Kind::kConstant;
}

}  // namespace

std::optional<Chain> MatchChain(const Graph& graph, int v) {
  ops::ActivationMatch activation;
  if (const auto match = ops::MatchActivation(graph, v); match && match->exclusive) {
    activation = *match;
    v = match->x;
  }
  std::optional<Chain> chain = MatchCore(graph, v);
  const Node* add = ir::Producer(graph, v, "Add");
  if (add != nullptr && add->inputs.size() == 2) {
    for (size_t side = 0; side < 2 && !chain; ++side) {
      if (!UsedOnce(graph, add->inputs[side]) || IsConstant(graph, add->inputs[1 - side])) continue;
      chain = MatchCore(graph, add->inputs[side]);
      if (chain) chain->residual = add->inputs[1 - side];
    }
  }
  if (chain) chain->activation = activation;
  return chain;
}

}  // namespace adabin::lower
