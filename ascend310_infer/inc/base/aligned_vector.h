// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_ALIGNED_VECTOR_H_
#define ADABIN_BASE_ALIGNED_VECTOR_H_

#include <algorithm>
#include <cstddef>
#include <new>
#include <vector>

#include "base/touch_pages.h"

namespace adabin {

// Memory of which no vector register's load crosses a cache line, if it is loaded in whole vectors
// from the begin on. Much of it comes in large pages, where the system has them, for what is left
// of one, or is short of one by a sixteenth, in small ones, or in one more.
template <typename T>
struct LineAllocator {
  using value_type = T;

  LineAllocator() = default;
  template <typename U>
  explicit LineAllocator(const LineAllocator<U>&) {}
  T* allocate(size_t n) {
    const size_t large = Large(n);
    const size_t bytes = std::max(n * sizeof(T), large);
    void* at = ::operator new(bytes, Alignment(n));
    if (large > 0) WantLargePages(at, large);
    TouchPages(at, bytes);
    return static_cast<T*>(at);
  }
  void deallocate(T* p, size_t n) { ::operator delete(p, Alignment(n)); }
  bool operator==(const LineAllocator&) const { return true; }

 private:
  // Bytes in large pages.
  static size_t Large(size_t n) {
    return (n * sizeof(T) + kLargePage / 16) / kLargePage * kLargePage;
  }
  static std::align_val_t Alignment(size_t n) {
    return std::align_val_t(Large(n) > 0 ? kLargePage : 64);
  }
};

template <typename T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace adabin

#endif  // ADABIN_BASE_ALIGNED_VECTOR_H_
