// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <stdexcept>

#include "simd/simd.h"

namespace adabin::simd {

// Built on first use: entries of other files may not be initialized before.
std::span<const Simd> Table() {
  static const Simd table[] = {
#if defined(__x86_64__)
      kAvx512,
      kAvx2,
#endif
#if defined(__aarch64__)
      kNeon,
#endif
      kPortable,
  };
  return table;
}

const Simd& Select(const char* name) {
  for (const Simd& simd : Table()) {
    if (name == nullptr ? simd.supported() : std::strcmp(name, simd.name) == 0) return simd;
  }
  throw std::logic_error("no such instruction set");
}

}  // namespace adabin::simd
