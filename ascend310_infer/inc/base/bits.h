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
// Activations: NHWC, see BitLayout. Channel c of a pixel is bit c % 32 of its little-endian word
// c / 32, hence bit c % 8 of its byte c / 8, whatever the size in which a kernel reads.
#ifndef ADABIN_BASE_BITS_H_
#define ADABIN_BASE_BITS_H_

#include <cstddef>
#include <cstdint>

#include "base/conv_geometry.h"

namespace adabin {

// The numbers are part of the packed file.
enum class Compare : uint8_t {
  kAtLeast = 0,    // bit = x >= threshold, 0 for NaN
  kNotAtMost = 1,  // bit = !(x <= threshold), 1 for NaN
};
inline bool ActivationBit(Compare compare, float x, float threshold) {
  return compare == Compare::kAtLeast ? x >= threshold : !(x <= threshold);
}

inline size_t RowWords(int bits) { return (static_cast<size_t>(bits) + 31) / 32; }

inline bool GetBit(const uint32_t* row, size_t bit) { return (row[bit / 32] >> (bit % 32)) & 1u; }
inline void SetBit(uint32_t* row, size_t bit) { row[bit / 32] |= 1u << (bit % 32); }

// Zero pixels around a map of bits.
struct BitPadding {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
  bool operator==(const BitPadding&) const = default;
};

// What the windows reach around the map: the padding for who does not ask where the map ends.
BitPadding WindowPadding(const ConvGeometry& geometry);

// A map of activation bits in memory, the same for all kernels. A pixel of up to 16 channels takes
// 16 bits, so that words of two pixels are full; every other takes whole 32-bit words.
struct BitLayout {
  Shape map;
  BitPadding pad;
  size_t pixel_bytes = 0;
  size_t row_bytes = 0;

  // Kernels may read this much past the last pixel.
  static constexpr size_t kSlack = 64;
  size_t bytes() const {
    return static_cast<size_t>(pad.top + map.h + pad.bottom) * row_bytes + kSlack;
  }
  // Of a pixel, which may lie within the padding.
  size_t Offset(int h, int w) const {
    return static_cast<size_t>(h + pad.top) * row_bytes +
           static_cast<size_t>(w + pad.left) * pixel_bytes;
  }
  bool operator==(const BitLayout&) const = default;
};
BitLayout LayoutBits(const Shape& map, const BitPadding& pad);

// float32 NHWC -> bits for rows [row_begin, row_end). Padding and tails are left as they are: zero.
void PackBits(const float* x, Compare compare, float threshold, const BitLayout& layout,
              std::byte* bits, int row_begin, int row_end);
// bits -> one byte per element, CHW.
void UnpackBits(const BitLayout& layout, const std::byte* bits, uint8_t* out);

}  // namespace adabin

#endif  // ADABIN_BASE_BITS_H_
