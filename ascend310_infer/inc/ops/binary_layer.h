// SPDX-License-Identifier: Apache-2.0
//
// Binary weights, found in a tensor; and a binary layer of the plan as the kernels take it, and as
// the float convolution that it is.
#ifndef ADABIN_OPS_BINARY_LAYER_H_
#define ADABIN_OPS_BINARY_LAYER_H_

#include <optional>
#include <span>
#include <vector>

#include "graph/plan.h"
#include "kernels/bconv2d.h"

namespace adabin::ops {

// Weights with at most two distinct finite values for each of `channels` outputs become bits and
// two values per output. OIHW in, the bit order of base/bits.h out.
struct BinaryWeights {
  std::vector<uint32_t> bits;
  std::vector<float> low;
  std::vector<float> high;
};
std::optional<BinaryWeights> MatchBinaryWeights(std::span<const float> weights, int channels,
                                                int inputs, int positions);

// The kernel's view of a kBinaryConv step.
kernels::BConv2DParams BinaryParams(const graph::Step& step);
// The convolution itself, without BatchNorm, residual and activation: what tools and tests compare.
kernels::BConv2DParams RawBinaryParams(const graph::Step& step);
// The weights of a kBinaryConv step as float32 OIHW.
std::vector<float> FloatWeights(const graph::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_BINARY_LAYER_H_
