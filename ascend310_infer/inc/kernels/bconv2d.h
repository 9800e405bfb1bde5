// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_BCONV2D_H_
#define ADABIN_KERNELS_BCONV2D_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bits.h"
#include "base/border_classes.h"
#include "base/conv_geometry.h"
#include "base/epilogue.h"

namespace adabin::kernels {

// A binary convolution as the network states it. A kernel copies what it needs.
struct BConv2DParams {
  ConvGeometry geometry;
  float high = 0;                     // activation value of bit 1
  float low = 0;                      // of bit 0
  std::span<const uint32_t> bits;     // out.c rows, see base/bits.h
  std::span<const float> weight_low;  // per output channel
  std::span<const float> weight_high;
  Epilogue after;  // with BatchNorm in its scale and shift
};

// The arithmetic. With activation bits a and weight bits w, over the valid taps of output pixel p,
// value = low + da * a (da = high - low) and weight = wl + dw * w (dw = wh - wl), so
//
//   y[o,p] = sum (wl + dw w)(low + da a)
//          = dw da popcount(a & w) + wl da popcount(a) + wl low N + dw low W
//
// where N is the number of valid weights and W the number of ones among them: both depend only on
// o and on the set of valid taps (the border class of p). With BatchNorm scale g and shift h
//
//   z[o,p] = A[o] popcount(a & w) + (B[o] P[p] + C[class of p, o])
//   A = g dw da,  B = g wl da,  C = g (wl low N + dw low W) + h
//
// P is per group. The constants are computed in double and rounded once; every kernel evaluates
// the line above with exactly these parentheses, so all kernels agree to the last bit.
//
// With values such as {-1, +1} the sum y is exact in float32 however it is added, and can be 0, or
// equal to another one, where the rounded g would leave 6e-5 and another sign. A layer whose y is
// exact in all channels, while some g or h cannot be folded without rounding, keeps them apart:
//
//   z[o,p] = S[o] (A[o] popcount(a & w) + (B[o] P[p] + C[class of p, o])) + H[o]
//
// with A, B, C of y, S = g and H = h. That is what a float network computes, bit for bit. Exact
// means that values and weights are multiples of a power of two each, and that every term above,
// too, is no more than 2^24 times the product of these; then products may be fused with sums.
struct BConv2DConstants {
  BorderClasses classes;
  std::vector<float> a;  // [out.c]
  std::vector<float> b;
  std::vector<float> c;  // [class][out.c]
  Epilogue after;        // with S and H, unless they are folded
};
BConv2DConstants ComputeConstants(const BConv2DParams& params);

// One binary convolution, prepared for one instruction set. Reads bits, writes float32, the bits of
// the next layer, or both. Const after construction: threads share it.
class BConv2D {
 public:
  virtual ~BConv2D() = default;

  // Zeros that the kernel wants around its input bits. More do no harm.
  virtual BitPadding padding() const { return {}; }
  // Blocks of output channels, to be computed in any order and by different threads.
  virtual int blocks() const { return 1; }
  // Private memory of one call, aligned to 64 bytes; it need not be kept between calls.
  virtual size_t scratch_bytes() const { return 0; }

  // bits -> z, residual, activation -> target.
  virtual void Run(const std::byte* bits, const BitLayout& layout, const Work& work,
                   const Target& target, std::byte* scratch) const = 0;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_BCONV2D_H_
