// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_EPILOGUE_H_
#define ADABIN_KERNELS_EPILOGUE_H_

#include <cstdint>

namespace adabin::kernels {

// The numbers are part of the packed file.
enum class Activation : uint8_t {
  kNone = 0,
  kRelu = 1,
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
      for (int c = 0; c < channels; ++c) z[c] = z[c] < 0.0f ? 0.0f : z[c];
    }
  }
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_EPILOGUE_H_
