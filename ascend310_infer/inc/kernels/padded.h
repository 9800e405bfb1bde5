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

// `values`, with zeros up to `size` where there are any.
template <typename T>
AlignedVector<float> Padded(std::span<const T> values, size_t size) {
  AlignedVector<float> out(values.empty() ? 0 : size, 0.0f);
  std::ranges::transform(values, out.begin(), [](T value) { return static_cast<float>(value); });
  return out;
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_PADDED_H_
