// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_AFFINE_H_
#define ADABIN_OPS_AFFINE_H_

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "ir/plan.h"

namespace adabin::ops {

// y = x * scale + shift per channel: inference BatchNorm, BiasAdd, and the four operations with a
// constant.
struct AffineMatch {
  int x = -1;
  std::vector<double> scale;  // empty: 1
  std::vector<double> shift;
  bool last_axis = false;  // several values are those of the last axis, of a map the columns
  size_t rank = 0;         // of the constant
};
// Nothing where `v` is something else.
std::optional<AffineMatch> MatchAffine(const ir::Graph& graph, int v);

// Writes per-channel values into a step; a single value is repeated.
void SetAffine(const std::vector<double>& scale, const std::vector<double>& shift, int channels,
               ir::Step* step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_AFFINE_H_
