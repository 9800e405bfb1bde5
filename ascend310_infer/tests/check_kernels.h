// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_CHECK_KERNELS_H_
#define ADABIN_TESTS_CHECK_KERNELS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "random_conv.h"

namespace adabin::test {

// Binarizes and convolves; checks that nothing is written outside `out`.
std::vector<float> RunKernel(const kernels::BConv2D& conv, const RandomConv& random,
                             bool with_residual, std::vector<uint8_t>* bits = nullptr);

// Equal to the last bit, a NaN to any NaN.
testing::AssertionResult SameFloats(const std::vector<float>& got,
                                    const std::vector<float>& expected);

// Expects the reference to be the float convolution, but for its roundings, and every kernel that
// this CPU can run to be the reference to the last bit.
void CheckEveryKernel(const RandomConv& random);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_CHECK_KERNELS_H_
