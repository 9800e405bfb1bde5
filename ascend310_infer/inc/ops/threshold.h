// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_THRESHOLD_H_
#define ADABIN_OPS_THRESHOLD_H_

#include <optional>

#include "ir/graph.h"
#include "ir/plan.h"
#include "ops/fields.h"

namespace adabin::ops {

// Select(GreaterEqual(x, threshold), high, low), or Select(GreaterEqual(threshold, x), low, high):
// then the bit is 1 where the comparison is false, as it is for NaN.
struct Binarizer {
  int x = -1;
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
  float high = 0;
  float low = 0;
};
// Nothing where `v` is something else.
std::optional<Binarizer> MatchBinarizer(const ir::Graph& graph, int v);
// Whether `v` was binarized in any manner: a Select by a comparison, as it is or behind operators
// that pass its values on: joined with others that were, or with zeros around it, which a binary
// layer could have for its own padding. True for all that MatchBinarizer finds.
bool IsBinarized(const ir::Graph& graph, int v);

// What any step that binarizes has of it.
void SetBinarizer(const Binarizer& binarizer, ir::Step* step);
void CheckCompare(const ir::Step& step);
void BinarizerFields(Fields& fields, ir::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_THRESHOLD_H_
