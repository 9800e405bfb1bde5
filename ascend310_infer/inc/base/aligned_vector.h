// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_ALIGNED_VECTOR_H_
#define ADABIN_BASE_ALIGNED_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

#include "base/touch_pages.h"

namespace adabin {

// Memory of which no vector register's load crosses a cache line, if it is loaded in whole vectors
// from the begin on.
template <typename T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() = default;
  template <typename U>
  explicit LineAllocator(const LineAllocator<U>&) {}
  T* allocate(size_t n) {
    T* at = static_cast<T*>(::operator new(n * sizeof(T), kLine));
    TouchPages(at, n * sizeof(T));
    return at;
  }
  void deallocate(T* p, size_t) { ::operator delete(p, kLine); }
  bool operator==(const LineAllocator&) const { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace adabin

#endif  // ADABIN_BASE_ALIGNED_VECTOR_H_
