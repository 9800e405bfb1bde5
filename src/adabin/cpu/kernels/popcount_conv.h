// SPDX-License-Identifier: Apache-2.0
//
// Convolution of binary activations with binary weights by counting bits.
#ifndef ADABIN_CPU_POPCOUNT_CONV_H_
#define ADABIN_CPU_POPCOUNT_CONV_H_

#include "binarize.h"
#include "conv_shape.h"

namespace adabin_cpu {

/// y of x binarized with `activation` and w binarized filter by filter.
void PopcountConv(const ConvShape& s, const float* x, const float* w, const ActivationSet& activation,
                  BinarySet weight_set, float* y);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_POPCOUNT_CONV_H_
