// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_LAY_FILTERS_H_
#define ADABIN_KERNELS_LAY_FILTERS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace adabin::kernels {

// Filters side by side, one in each lane: number place[i] of filter o becomes to[i * lanes + o].
// `filters` are as many as there are, at most `lanes`. A few numbers at a time of each, so that
// what is written to stays in the cache, and of several filters, which a compiler writes at once.
inline void LayFilters(std::span<const float> filters, std::span<const size_t> place, size_t lanes,
                       float* to) {
  constexpr size_t kNumbers = 64;
  const size_t terms = place.size();
  for (size_t begin = 0; begin < terms; begin += kNumbers) {
    const size_t end = std::min(begin + kNumbers, terms);
    size_t o = 0;
    for (; o + 4 <= filters.size() / terms; o += 4) {
      const float* filter = filters.data() + o * terms;
      for (size_t i = begin; i < end; ++i) {
        const float* from = filter + place[i];
        const float four[] = {from[0], from[terms], from[2 * terms], from[3 * terms]};
        std::memcpy(to + i * lanes + o, four, sizeof(four));
      }
    }
    for (; o < filters.size() / terms; ++o) {
      const float* filter = filters.data() + o * terms;
      for (size_t i = begin; i < end; ++i) to[i * lanes + o] = filter[place[i]];
    }
  }
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_LAY_FILTERS_H_
