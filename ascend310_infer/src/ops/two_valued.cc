// SPDX-License-Identifier: Apache-2.0
//
// Most of what loading a MindIR computes: loops that a compiler makes vectors of.
#include "ops/two_valued.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace adabin::ops {
namespace {

// Of each number whether it is high; false if one is neither. A third value mostly comes early.
bool Classify(std::span<const float> numbers, float low, float high, uint8_t* is_high) {
  constexpr size_t kStretch = 1024;
  for (size_t begin = 0; begin < numbers.size(); begin += kStretch) {
    const size_t end = std::min(begin + kStretch, numbers.size());
    int neither = 0;
    for (size_t i = begin; i < end; ++i) {
      const int above = numbers[i] != low ? 1 : 0;
      neither |= above & (numbers[i] != high ? 1 : 0);
      is_high[i] = static_cast<uint8_t>(above);
    }
    if (neither != 0) return false;
  }
  return true;
}

}  // namespace

TwoValues PackTwoValued(std::span<const float> numbers, size_t channels, size_t taps,
                        uint32_t* bits) {
  TwoValues two;
  const float first = numbers[0];
  const auto other = std::ranges::find_if(numbers, [first](float x) { return x != first; });
  const float second = other == numbers.end() ? first : *other;
  if (!std::isfinite(first) || !std::isfinite(second)) return two;
  two.low = std::min(first, second);
  two.high = std::max(first, second);
  std::vector<uint8_t> is_high(numbers.size());
  if (!Classify(numbers, two.low, two.high, is_high.data())) return two;
  size_t bit = 0;
  for (size_t tap = 0; tap < taps; ++tap) {
    const uint8_t* at = is_high.data() + tap;
    for (size_t c = 0; c < channels;) {
      const size_t shift = bit % 32;
      const size_t count = std::min(channels - c, 32 - shift);
      uint32_t word = 0;
      for (size_t i = 0; i < count; ++i, at += taps) word |= uint32_t{*at} << (shift + i);
      bits[bit / 32] |= word;
      bit += count;
      c += count;
    }
  }
  two.found = true;
  return two;
}

}  // namespace adabin::ops
