// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_MAXIMUM_BITS_H_
#define ADABIN_KERNELS_MAXIMUM_BITS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "base/aligned_vector.h"
#include "kernels/bconv2d.h"

namespace adabin::kernels {

// A layer f behind a maximum, of which a bit is wanted: f(max x) >= t, as f rises or falls with x,
// is whether any x reaches a threshold, or whether none does. So bits are enough of each x.
struct MaximumBits {
  AlignedVector<float> thresholds;  // per channel: x >= threshold; then a vector may be read
  std::vector<std::byte> inverted;  // of a pixel of bits, 1 in channels where none is to reach it
};

// For maxima of what `conv` yields, which `after` and the comparison follow. Nothing where a
// channel's bit changes more than once as x grows, or an x may be infinite or no number.
std::optional<MaximumBits> FindMaximumBits(const BConv2DParams& conv, const Epilogue& after,
                                           Compare compare, float threshold);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_MAXIMUM_BITS_H_
