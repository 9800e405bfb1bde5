// SPDX-License-Identifier: Apache-2.0
//
// Constants of a layer's channels, as vectors read them.
#ifndef ADABIN_KERNELS_PADDED_H_
#define ADABIN_KERNELS_PADDED_H_

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/aligned_vector.h"
#include "isa/finish.h"

namespace adabin::kernels {

constexpr size_t kAlign = 64;
constexpr size_t RoundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }

// `values`, or `none` for each of `used` channels where there are none; zeros up to `size`.
template <typename T>
AlignedVector<float> Padded(std::span<const T> values, size_t used, size_t size, float none) {
  AlignedVector<float> out(size, 0.0f);
  for (size_t i = 0; i < used; ++i) {
    out[i] = values.empty() ? none : static_cast<float>(values[i]);
  }
  return out;
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_PADDED_H_
