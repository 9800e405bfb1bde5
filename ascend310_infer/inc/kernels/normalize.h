// SPDX-License-Identifier: Apache-2.0
//
// Functions of all elements along an axis.
#ifndef ADABIN_KERNELS_NORMALIZE_H_
#define ADABIN_KERNELS_NORMALIZE_H_

#include <cstddef>

namespace adabin::kernels {

// z = x / sqrt(sum over channels of x^2 + epsilon), for each of `pixels`.
void UnitPixels(int pixels, int channels, float epsilon, const float* x, float* z);

// z = exp(x - max) / sum of exp(x - max) over `count` elements that lie `stride` apart, for each of
// the `stride` such rows that begin at x.
void Softmax(size_t count, size_t stride, const float* x, float* z);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_NORMALIZE_H_
