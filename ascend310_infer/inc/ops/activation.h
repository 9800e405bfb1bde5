// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_ACTIVATION_H_
#define ADABIN_OPS_ACTIVATION_H_

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "ir/plan.h"
#include "ops/fields.h"

namespace adabin::ops {

// ReLU(x), PReLU(x, w), or Maxout, x >= 0 ? pos x : neg x.
struct ActivationMatch {
  int x = -1;
  Activation act = Activation::kNone;
  std::vector<float> positive;  // one entry, or one per channel
  std::vector<float> negative;
  bool exclusive = false;  // nothing but this pattern reads x
};
// Nothing where `v` is something else.
std::optional<ActivationMatch> MatchActivation(const ir::Graph& graph, int v);

// What any step with an activation has of it.
void SetActivation(const ActivationMatch& activation, int channels, ir::Step* step);
void CheckActivation(const ir::Step& step, int channels);
void ActivationSlopes(Fields& fields, ir::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_ACTIVATION_H_
