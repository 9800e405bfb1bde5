// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_BCONV2D_H_
#define ADABIN_KERNELS_BCONV2D_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/conv_geometry.h"
#include "kernels/bits.h"
#include "kernels/border_classes.h"
#include "kernels/epilogue.h"

namespace adabin::kernels {

// A binary convolution as the network states it. The spans must outlive the kernel built from it.
struct BConv2DParams {
  ConvGeometry geometry;
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
  float high = 0;                     // activation value of bit 1
  float low = 0;                      // of bit 0
  std::span<const uint32_t> bits;     // out.c rows, see kernels/bits.h
  std::span<const float> weight_low;  // per output channel
  std::span<const float> weight_high;
  std::span<const float> scale;  // folded BatchNorm, per output channel; empty: 1
  std::span<const float> shift;  // empty: 0
  Activation act = Activation::kNone;
  std::span<const float> positive;  // slopes of kTwoSlope
  std::span<const float> negative;
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
struct BConv2DConstants {
  BorderClasses classes;
  std::vector<float> a;  // [out.c]
  std::vector<float> b;
  std::vector<float> c;  // [class][out.c]
};
BConv2DConstants ComputeConstants(const BConv2DParams& params);

// One binary convolution, prepared for one instruction set. Feature maps are NHWC float32 of one
// sample. Const after construction: threads share it and bring their own workspace.
class BConv2D {
 public:
  virtual ~BConv2D() = default;

  // Bytes that hold the packed input of one sample; the caller aligns it to 64.
  virtual size_t workspace_bytes() const = 0;

  // x -> bits for input rows [row_begin, row_end).
  virtual void Binarize(const float* x, std::byte* workspace, int row_begin, int row_end) const = 0;

  // bits -> z, residual, activation for output rows [row_begin, row_end). `residual` is null or has
  // the output's shape. Needs all of the input binarized.
  virtual void Compute(const std::byte* workspace, const float* residual, float* out, int row_begin,
                       int row_end) const = 0;

  // The packed bits as one byte per element, CHW, for tests and tools.
  virtual void UnpackBits(const std::byte* workspace, uint8_t* bits) const = 0;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_BCONV2D_H_
