// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_EXPONENTIAL_H_
#define ADABIN_DETECTION_EXPONENTIAL_H_

#include <bit>
#include <cstdint>

namespace adabin::detection {

// a * b + c as a fused operation rounds it, on any CPU and in vectors of any width: the product is
// exact in double. (The sum is rounded twice; that shows once in 2^29 times.)
inline float Fused(float a, float b, float c) {
  return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) +
                            static_cast<double>(c));
}

// 2^exponent, for -126..127.
inline float PowerOfTwo(int32_t exponent) { return std::bit_cast<float>((exponent + 127) << 23); }

// e^x for x up to 80, -infinity included; not for NaN. With the reduction and the rational function
// of NumPy's float32 exp on x86 (its coefficients are NumPy's, BSD license), which is up to 2.5
// units of the last place off: scores that tie there have to tie here. A loop over it becomes
// vectors: nothing branches, and what is compared are integers, as comparing floats might trap.
inline float Exponential(float x) {
  constexpr float kVanishes = -103.97208404541015625f;  // and below: half a denormal, rounded to 0
  constexpr float kRounding = 0x1.8p23f;                // no fraction is left beside it
  // The bits of negative floats are in the order of their absolutes, beyond those of positive ones.
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t there = bits < std::bit_cast<uint32_t>(kVanishes) ? ~0u : 0u;
  const float bounded = std::bit_cast<float>(bits & there);
  const float halvings = (bounded * 1.44269504088896341f + kRounding) - kRounding;
  const float rest = Fused(halvings, -1.42860677e-6f, Fused(halvings, -6.93145752e-1f, bounded));
  float above = Fused(5.082762527590693718096e-04f, rest, 6.757896990527504603057e-03f);
  above = Fused(above, rest, 5.114512081637298353406e-02f);
  above = Fused(above, rest, 2.473615434895520810817e-01f);
  above = Fused(above, rest, 7.257664613233124478488e-01f);
  above = Fused(above, rest, 9.999999999980870924916e-01f);
  float below = Fused(2.159509375685829852307e-02f, rest, -2.742335390411667452936e-01f);
  below = Fused(below, rest, 1.0f);
  const auto exponent = static_cast<int32_t>(halvings);
  const int32_t half = exponent >> 1;  // 2^-150 is no float; the first product is exact
  const float power = above / below * PowerOfTwo(half) * PowerOfTwo(exponent - half);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(power) & there);
}

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_EXPONENTIAL_H_
