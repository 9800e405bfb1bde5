// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_LOWER_CHAIN_H_
#define ADABIN_LOWER_CHAIN_H_

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "ops/activation.h"
#include "ops/binary_layer.h"
#include "ops/threshold.h"

namespace adabin::lower {

// A convolution and what is folded into it; inputs are graph values.
struct Chain {
  const ir::Node* core = nullptr;
  int input = -1;
  int residual = -1;
  std::optional<ops::Binarizer> binarizer;
  std::optional<ops::BinaryWeights> binary_weights;
  std::vector<double> scale;
  std::vector<double> shift;
  ops::ActivationMatch activation;
};

// The longest chain that ends in `v`: activation(core + residual), activation(core), core +
// residual, core; each with BatchNorm and bias, none of which anything else reads. Throws Error for
// a layer that is binary and cannot be packed.
std::optional<Chain> MatchChain(const ir::Graph& graph, int v);

}  // namespace adabin::lower

#endif  // ADABIN_LOWER_CHAIN_H_
