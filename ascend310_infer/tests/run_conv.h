// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_RUN_CONV_H_
#define ADABIN_TESTS_RUN_CONV_H_

#include <vector>

#include "isa/isa.h"
#include "kernels/conv2d.h"
#include "random_conv.h"

namespace adabin::test {

std::vector<float> RandomFloats(size_t count, Rng* rng);

std::vector<const isa::FloatLoops*> Supported();

// All at once, or row by row and block by block, last ones first.
std::vector<float> RunConv(const kernels::Conv2D& conv, const Shape& out, const float* x,
                           bool whole, const float* residual = nullptr);

// Expects output rows [first, last) of `conv` to be those of `direct`, a NaN where that has one,
// and all others to differ from them by roundings; and rows computed apart to be those computed at
// once.
void ExpectDirectRows(const kernels::Conv2D& conv, const kernels::Conv2D& direct, const Shape& out,
                      const float* x, size_t first, size_t last);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_RUN_CONV_H_
