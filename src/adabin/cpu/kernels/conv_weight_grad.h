// SPDX-License-Identifier: Apache-2.0
//
// Gradient of a convolution's weights: dW[o, c, ky, kx] = sum over images and pixels of dy[o, p] x[c, p * stride +
// tap].
//
// Channels lie in the lanes here. The image is kept pixel by pixel, so that a tap's operand for all channels is one
// stretch of memory; dy is the tile's other factor, packed like weights, and pixels are what is summed over.
#ifndef ADABIN_CPU_CONV_WEIGHT_GRAD_H_
#define ADABIN_CPU_CONV_WEIGHT_GRAD_H_

#include <cstdint>
#include <functional>

#include "binarize.h"
#include "conv_shape.h"

namespace adabin_cpu {

/// Calls take(o, gradient of filter o, (c, kh, kw)) for every filter, in parallel. With `set`, x is binarized first.
void ConvWeightGradient(const ConvShape& s, const float* dy, const float* x, const ActivationSet* set,
                        const std::function<void(int64_t o, const float* gradient)>& take);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_CONV_WEIGHT_GRAD_H_
