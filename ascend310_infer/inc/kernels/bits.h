// SPDX-License-Identifier: Apache-2.0
//
// Bit order of the whole engine, in this one place.
//
// An activation bit is 1 above the threshold (the value is `high`), else 0 (`low`), where `Compare`
// decides about the threshold itself and NaN; a weight bit is 1 where the weight is the larger of
// its output channel's two values. A channel with a single
// value has all bits 0. Bits that stand for nothing (tails of words, zero padding) are 0, so that
// they add nothing to popcount(a & w) nor to popcount(a).
//
// Weights, in the plan and in the packed file: one row per output channel, of RowWords(n) 32-bit
// words for n = group_in * kernel_h * kernel_w bits. The bit of input channel c (within its group)
// at tap (kh, kw) is number (kh * kernel_w + kw) * group_in + c; bit number b is bit b % 32,
// counted from the least significant one, of word b / 32. Channels of one tap are neighbors, as in
// NHWC activations.
//
// Activations, packed (portable kernel): NHWC, each pixel PixelWords(channels) 64-bit words;
// channel c is bit c % 64 of word c / 64.
#ifndef ADABIN_KERNELS_BITS_H_
#define ADABIN_KERNELS_BITS_H_

#include <cstddef>
#include <cstdint>

namespace adabin::kernels {

// The numbers are part of the packed file.
enum class Compare : uint8_t {
  kAtLeast = 0,    // bit = x >= threshold, 0 for NaN
  kNotAtMost = 1,  // bit = !(x <= threshold), 1 for NaN
};
inline bool ActivationBit(Compare compare, float x, float threshold) {
  return compare == Compare::kAtLeast ? x >= threshold : !(x <= threshold);
}

inline size_t RowWords(int bits) { return (static_cast<size_t>(bits) + 31) / 32; }
inline size_t PixelWords(int channels) { return (static_cast<size_t>(channels) + 63) / 64; }

inline bool GetBit(const uint32_t* row, size_t bit) { return (row[bit / 32] >> (bit % 32)) & 1u; }
inline void SetBit(uint32_t* row, size_t bit) { row[bit / 32] |= 1u << (bit % 32); }

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_BITS_H_
