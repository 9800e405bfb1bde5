// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_TOUCH_PAGES_H_
#define ADABIN_BASE_TOUCH_PAGES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace adabin {

constexpr size_t kLargePage = size_t{2} << 20;  // of most systems

// For whole large pages at `at`: at best, as the system has them and hands them out.
inline void WantLargePages([[maybe_unused]] void* at, [[maybe_unused]] size_t bytes) {
#if defined(MADV_HUGEPAGE)
  madvise(at, bytes, MADV_HUGEPAGE);
#endif
}

// Those that are there stay; the system makes no others of small ones.
inline void NoMoreLargePages([[maybe_unused]] void* at, [[maybe_unused]] size_t bytes) {
#if defined(MADV_NOHUGEPAGE)
  madvise(at, bytes, MADV_NOHUGEPAGE);
#endif
}

// Memory that is about to be written from begin to end, if it is large: the system gives its pages
// at once and not one by one as they are written, which takes longer than writing them. Where it
// cannot, nothing happens.
inline void TouchPages([[maybe_unused]] void* at, [[maybe_unused]] size_t bytes) {
#if defined(MADV_POPULATE_WRITE)
  constexpr size_t kPage = 4096;  // larger ones are refused
  if (bytes < 16 * kPage) return;
  const auto address = reinterpret_cast<uintptr_t>(at);
  const uintptr_t begin = (address + kPage - 1) / kPage * kPage;
  const uintptr_t end = (address + bytes) / kPage * kPage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
#endif
}

}  // namespace adabin

#endif  // ADABIN_BASE_TOUCH_PAGES_H_
