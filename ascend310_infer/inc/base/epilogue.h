// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_EPILOGUE_H_
#define ADABIN_BASE_EPILOGUE_H_

#include <cstddef>
#include <cstdint>

#include "base/bits.h"

namespace adabin {

// The numbers are part of the packed file.
enum class Activation : uint8_t {
  kNone = 0,
  kRelu = 1,      // x > 0 ? x : 0, of NaN 0
  kTwoSlope = 2,  // Maxout and PReLU: positive * max(x, 0) + negative * min(x, 0)
};

// What follows a convolution while its output pixel is still in cache: the residual, then the
// activation. All pointers are per channel; `residual` is null or the pixel's other summand.
struct Epilogue {
  Activation act = Activation::kNone;
  const float* positive = nullptr;
  const float* negative = nullptr;

  void Apply(float* z, const float* residual, int channels) const {
    if (residual != nullptr) {
      for (int c = 0; c < channels; ++c) z[c] += residual[c];
    }
    if (act == Activation::kTwoSlope) {
      // One of max(x, 0) and min(x, 0) is zero, so the sum is the product with the slope of x's
      // side; a NaN stays one.
      for (int c = 0; c < channels; ++c) z[c] *= z[c] > 0.0f ? positive[c] : negative[c];
    } else if (act == Activation::kRelu) {
      for (int c = 0; c < channels; ++c) z[c] = z[c] > 0.0f ? z[c] : 0.0f;
    }
  }
};

// What a layer reads and writes besides its input, while an output pixel is still in cache. Maps
// are NHWC of one sample; `residual` and `z` may be the same memory.
struct Target {
  const float* residual = nullptr;  // null: none; of the first row computed
  float* z = nullptr;               // null: only bits are wanted; of the first row computed
  size_t stride = 0;                // floats from pixel to pixel of both; 0: the layer's channels
  std::byte* bits = nullptr;        // null: none; the whole map
  BitLayout layout;                 // of `bits`
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
};

// The part of a layer that one call computes: output rows, and blocks of output channels as the
// layer divides them.
struct Work {
  int row_begin = 0;
  int row_end = 0;
  int block_begin = 0;
  int block_end = 1;
};

// The slow way to finish pixel (h, w) of the row `row` of `target`, from its `channels` values
// before residual and activation, which it overwrites.
void FinishPixel(const Epilogue& epilogue, const Target& target, int h, int row, int w, int width,
                 int channels, float* z);

}  // namespace adabin

#endif  // ADABIN_BASE_EPILOGUE_H_
