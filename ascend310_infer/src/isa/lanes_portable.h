// SPDX-License-Identifier: Apache-2.0
//
// Sixteen floats at a time, as a compiler vector: registers of whatever the target has. See
// lanes_avx512.h. Multiply-add is not fused: in software that would cost more than everything else.
#ifndef ADABIN_ISA_LANES_PORTABLE_H_
#define ADABIN_ISA_LANES_PORTABLE_H_

#include <cstdint>
#include <cstring>

#define ADABIN_SIMD_NAMESPACE portable
#define ADABIN_SIMD
#define ADABIN_SIMD_INLINE [[gnu::always_inline]] inline

namespace adabin::portable {

using Lanes = float __attribute__((vector_size(64)));
using Mask = int32_t __attribute__((vector_size(64)));
constexpr int kTileVectors = 1;
constexpr int kTilePixels = 6;
constexpr int kWinogradVectors = 1;
constexpr int kWinogradTiles = 6;
constexpr int kFinishVectors = 1;

ADABIN_SIMD_INLINE Lanes Zero() { return Lanes{}; }
ADABIN_SIMD_INLINE Lanes Set(float x) { return x - Lanes{}; }
ADABIN_SIMD_INLINE Lanes Load(const float* p) {
  Lanes x;
  std::memcpy(&x, p, sizeof(x));
  return x;
}
ADABIN_SIMD_INLINE Lanes Load(const int32_t* p) {
  Mask x;
  std::memcpy(&x, p, sizeof(x));
  return __builtin_convertvector(x, Lanes);
}
ADABIN_SIMD_INLINE Lanes LoadSome(const float* p, int n) {
  Lanes x = {};
  std::memcpy(&x, p, static_cast<size_t>(n) * sizeof(float));
  return x;
}
ADABIN_SIMD_INLINE void Store(float* p, Lanes x) { std::memcpy(p, &x, sizeof(x)); }
ADABIN_SIMD_INLINE void StoreSome(float* p, Lanes x, int n) {
  std::memcpy(p, &x, static_cast<size_t>(n) * sizeof(float));
}
ADABIN_SIMD_INLINE Lanes Add(Lanes x, Lanes y) { return x + y; }
ADABIN_SIMD_INLINE Lanes Sub(Lanes x, Lanes y) { return x - y; }
ADABIN_SIMD_INLINE Lanes Mul(Lanes x, Lanes y) { return x * y; }
ADABIN_SIMD_INLINE Lanes Div(Lanes x, Lanes y) { return x / y; }
ADABIN_SIMD_INLINE Lanes MulAdd(Lanes x, Lanes y, Lanes z) { return x * y + z; }
ADABIN_SIMD_INLINE Lanes SelectSlope(Lanes x, Lanes positive, Lanes negative) {
  return x > Lanes{} ? positive : negative;
}
ADABIN_SIMD_INLINE Lanes Relu(Lanes x) { return x > Lanes{} ? x : Lanes{}; }
ADABIN_SIMD_INLINE Lanes Max(Lanes x, Lanes y) { return x > y || x != x ? x : y; }
ADABIN_SIMD_INLINE unsigned Bits(Mask mask) {
  unsigned bits = 0;
  for (unsigned i = 0; i < 16; ++i) bits |= (mask[i] != 0 ? 1u : 0u) << i;
  return bits;
}
ADABIN_SIMD_INLINE unsigned AtLeast(Lanes x, Lanes y) { return Bits(x >= y); }
ADABIN_SIMD_INLINE unsigned NotAtMost(Lanes x, Lanes y) { return Bits(~(x <= y)); }

}  // namespace adabin::portable

#endif  // ADABIN_ISA_LANES_PORTABLE_H_
