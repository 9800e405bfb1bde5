// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_TWO_VALUED_H_
#define ADABIN_OPS_TWO_VALUED_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace adabin::ops {

struct TwoValues {
  bool found = false;  // else the numbers have more values, or one that is not finite
  float low = 0;
  float high = 0;
};

// The two values of `numbers`, at least one of them, which are those of the taps of each channel,
// in this order. `bits`, all zeros, gets a one for each that is high, in the order of the channels
// of each tap; of a refusal it holds anything.
TwoValues PackTwoValued(std::span<const float> numbers, size_t channels, size_t taps,
                        uint32_t* bits);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_TWO_VALUED_H_
