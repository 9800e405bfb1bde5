// SPDX-License-Identifier: Apache-2.0
#include "kernels/maximum_bits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/padded.h"

namespace adabin::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kLargest = 1e30;  // nothing that is made of less overflows

// Floats in their order as neighboring numbers, and back.
int32_t Rank(float x) {
  const auto bits = std::bit_cast<int32_t>(x);
  return bits < 0 ? std::numeric_limits<int32_t>::min() - bits : bits;
}
float OfRank(int32_t rank) {
  return std::bit_cast<float>(rank < 0 ? std::numeric_limits<int32_t>::min() - rank : rank);
}

// The first float above `low` where `is`, which changes once up to `high`, is as there.
template <typename Is>
float FirstAs(float low, float high, const Is& is) {
  const bool as = is(high);
  int64_t before = Rank(low), after = Rank(high);
  while (before + 1 < after) {
    const int64_t middle = before + (after - before) / 2;
    (is(OfRank(static_cast<int32_t>(middle))) == as ? after : before) = middle;
  }
  return OfRank(static_cast<int32_t>(after));
}

// A bound of what channel `o` yields and of all that a kernel makes on the way to it.
double Largest(const BConv2DParams& conv, size_t o) {
  const Epilogue& own = conv.after;
  const double sums =
      8.0 * conv.geometry.filter_size() *
      (std::abs(double{conv.low}) + std::abs(double{conv.high})) *
      (std::abs(double{conv.weight_low[o]}) + std::abs(double{conv.weight_high[o]}));
  double largest = sums * (own.scale.empty() ? 1.0 : std::max(1.0, std::abs(own.scale[o]))) +
                   (own.shift.empty() ? 0.0 : 2 * std::abs(own.shift[o]));
  if (own.act == Activation::kTwoSlope) {
    largest *= std::max({1.0f, std::abs(own.positive[o]), std::abs(own.negative[o])});
  }
  return largest;
}

struct Step {
  float threshold;
  bool falls;
};

// The one step of a channel's bit from -largest to largest. Scale and shift rise or fall; the
// activation does on either side of zero.
std::optional<Step> FindStep(const Epilogue& after, Compare compare, float threshold,
                             double bound) {
  const double scale = after.scale.empty() ? 1.0 : after.scale[0];
  const double shift = after.shift.empty() ? 0.0 : after.shift[0];
  if (!(bound < kLargest && std::abs(scale) * bound + std::abs(shift) < kLargest)) {
    return std::nullopt;
  }
  const auto high = static_cast<float>(bound);
  const float low = -high;
  Epilogue affine;
  affine.scale = after.scale;
  affine.shift = after.shift;
  const auto positive = [&](float x) {
    affine.Apply(&x, nullptr, 1);
    return x > 0;
  };
  const auto bit = [&](float x) {
    after.Apply(&x, nullptr, 1);
    return ActivationBit(compare, x, threshold);
  };
  int changes = bit(low) != bit(high) ? 1 : 0;
  if (positive(low) != positive(high)) {
    const float right = FirstAs(low, high, positive), left = OfRank(Rank(right) - 1);
    changes =
        int{bit(low) != bit(left)} + int{bit(left) != bit(right)} + int{bit(right) != bit(high)};
  }
  if (changes > 1) return std::nullopt;
  if (changes == 0) return Step{bit(low) ? -kInfinity : kInfinity, false};
  return Step{FirstAs(low, high, bit), bit(low)};
}

}  // namespace

std::optional<MaximumBits> FindMaximumBits(const BConv2DParams& conv, const Epilogue& after,
                                           Compare compare, float threshold) {
  const Shape& map = conv.geometry.out;
  MaximumBits bits;
  bits.inverted.resize(LayoutBits(map, {}).pixel_bytes);
  for (size_t o = 0; o < static_cast<size_t>(map.c); ++o) {
    const auto step = FindStep(after.Part(o, 1), compare, threshold, Largest(conv, o));
    if (!step) return std::nullopt;
    bits.thresholds.push_back(step->threshold);
    if (step->falls) bits.inverted[o / 8] |= std::byte{1} << (o % 8);
  }
  bits.thresholds.resize(RoundUp(bits.thresholds.size(), isa::kLanes) + isa::kLanes, 0.0f);
  return bits;
}

}  // namespace adabin::kernels
