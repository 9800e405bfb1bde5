// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_CONV2D_H_
#define ADABIN_OPS_CONV2D_H_

#include <memory>
#include <span>

#include "base/conv_geometry.h"
#include "base/thread_pool.h"
#include "kernels/epilogue.h"

namespace adabin::ops {

// A full-precision convolution with per-channel scale and shift, residual and activation.
struct Conv2DParams {
  ConvGeometry geometry;
  std::span<const float> weights;  // OIHW; copied
  std::span<const float> scale;    // empty: 1; this and the following must outlive the operator
  std::span<const float> shift;    // empty: 0
  kernels::Activation act = kernels::Activation::kNone;
  std::span<const float> positive;
  std::span<const float> negative;
};

// What the rest of the engine knows of a float convolution, so that a library can take over.
// Feature maps are NHWC of one sample; results do not depend on the pool.
class Conv2D {
 public:
  virtual ~Conv2D() = default;
  virtual void Run(const float* x, const float* residual, float* out, ThreadPool* pool) const = 0;
};

std::unique_ptr<Conv2D> CreateConv2D(const Conv2DParams& params);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_CONV2D_H_
