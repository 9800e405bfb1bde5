// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_COMPARE_STEPS_H_
#define ADABIN_TESTS_COMPARE_STEPS_H_

#include <vector>

#include "graph/plan.h"

namespace adabin::test {

// What the device Reference makes of `samples` samples, one row of numbers per output.
std::vector<std::vector<float>> RunReference(const graph::Plan& plan,
                                             const std::vector<float>& input, size_t samples);

// Expects each step of a plan, alone and on numbers drawn here, to be on the CPU what its formula
// says: equal where one operation or none is rounded, else as close as float32 can be to the sum of
// so many terms. A binarizer also gets its threshold itself, and the floats on both sides.
void CompareSteps(const graph::Plan& plan, unsigned seed);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_COMPARE_STEPS_H_
