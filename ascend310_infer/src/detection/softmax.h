// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_SOFTMAX_H_
#define ADABIN_DETECTION_SOFTMAX_H_

#include <cstddef>
#include <span>

namespace adabin::detection {

// The largest of at least one finite value.
float Largest(std::span<const float> values);

// Writes e^(logit - largest) of each logit. The sum of these, which is 1 at least, is what each has
// to be divided by to be a softmax.
float Powers(std::span<const float> logits, float largest, float* powers);

// Added pairwise in the order of NumPy's sum: in blocks of up to 128 values, eight sums side by
// side.
float Sum(std::span<const float> values);

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_SOFTMAX_H_
