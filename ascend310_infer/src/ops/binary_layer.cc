// SPDX-License-Identifier: Apache-2.0
#include "ops/binary_layer.h"

#include <span>

#include "ops/two_valued.h"

namespace adabin::ops {

std::optional<BinaryWeights> MatchBinaryWeights(std::span<const float> weights, int out, int inputs,
                                                int positions) {
  const auto channels = static_cast<size_t>(out);
  const auto group_in = static_cast<size_t>(inputs);
  const auto taps = static_cast<size_t>(positions);
  const size_t filter = group_in * taps;
  const size_t row_words = RowWords(static_cast<int>(filter));
  BinaryWeights binary;
  binary.bits.assign(channels * row_words, 0);
  for (size_t o = 0; o < channels; ++o) {
    const TwoValues two = PackTwoValued(weights.subspan(o * filter, filter), group_in, taps,
                                        binary.bits.data() + o * row_words);
    if (!two.found) return std::nullopt;
    binary.low.push_back(two.low);
    binary.high.push_back(two.high);
  }
  return binary;
}

kernels::BConv2DParams BinaryParams(const graph::Step& step) {
  kernels::BConv2DParams params;
  params.geometry = step.geometry;
  params.high = step.high;
  params.low = step.low;
  params.bits = step.bits;
  params.weight_low = step.weight_low;
  params.weight_high = step.weight_high;
  params.after = step.after;
  return params;
}

kernels::BConv2DParams RawBinaryParams(const graph::Step& step) {
  kernels::BConv2DParams params = BinaryParams(step);
  params.after = {};
  return params;
}

std::vector<float> FloatWeights(const graph::Step& step) {
  const ConvGeometry& g = step.geometry;
  const auto taps = static_cast<size_t>(g.taps());
  const auto group_in = static_cast<size_t>(g.group_in());
  const size_t row_words = RowWords(g.filter_size());
  std::vector<float> weights;
  weights.reserve(static_cast<size_t>(g.out.c) * taps * group_in);
  for (size_t o = 0; o < static_cast<size_t>(g.out.c); ++o) {
    const uint32_t* row = step.bits.data() + o * row_words;
    for (size_t c = 0; c < group_in; ++c) {
      for (size_t t = 0; t < taps; ++t) {
        weights.push_back(GetBit(row, t * group_in + c) ? step.weight_high[o] : step.weight_low[o]);
      }
    }
  }
  return weights;
}

}  // namespace adabin::ops
