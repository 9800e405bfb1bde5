// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_FINITE_H_
#define ADABIN_BASE_FINITE_H_

#include <bit>
#include <cstdint>
#include <span>

namespace adabin {

// Without an exit in between, which a compiler can make vectors of.
inline bool AllFinite(std::span<const float> numbers) {
  constexpr uint32_t kExponent = 0x7f800000u;
  uint32_t bad = 0;
  for (const float x : numbers) {
    bad |= (std::bit_cast<uint32_t>(x) & kExponent) == kExponent ? 1u : 0u;
  }
  return bad == 0;
}

}  // namespace adabin

#endif  // ADABIN_BASE_FINITE_H_
