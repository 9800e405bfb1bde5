// SPDX-License-Identifier: Apache-2.0
//
// Sixteen floats at a time, as two AVX2 registers. See lanes_avx512.h.
#ifndef ADABIN_ISA_LANES_AVX2_H_
#define ADABIN_ISA_LANES_AVX2_H_

#include <immintrin.h>

#include <cstdint>

#define ADABIN_SIMD_NAMESPACE avx2
#define ADABIN_SIMD [[gnu::target("avx2,fma,popcnt")]]
#define ADABIN_SIMD_INLINE ADABIN_SIMD [[gnu::always_inline]] inline

namespace adabin::avx2 {

struct Lanes {
  __m256 low, high;
};
constexpr int kTileVectors = 1;
constexpr int kTilePixels = 6;
constexpr int kWinogradVectors = 1;
constexpr int kWinogradTiles = 6;
constexpr int kFinishVectors = 1;

ADABIN_SIMD_INLINE Lanes Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
ADABIN_SIMD_INLINE Lanes Set(float x) {
  const __m256 all = _mm256_set1_ps(x);
  return {all, all};
}
ADABIN_SIMD_INLINE Lanes Load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
ADABIN_SIMD_INLINE Lanes Load(const int32_t* p) {
  const auto* words = reinterpret_cast<const __m256i*>(p);
  return {_mm256_cvtepi32_ps(_mm256_loadu_si256(words)),
          _mm256_cvtepi32_ps(_mm256_loadu_si256(words + 1))};
}
ADABIN_SIMD_INLINE Lanes Load(const uint16_t* p) {
  const auto* words = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(words))),
          _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(words + 1)))};
}
ADABIN_SIMD_INLINE Lanes LoadSome(const float* p, int n) {
  alignas(32) float all[16] = {};
  for (int i = 0; i < n; ++i) all[i] = p[i];
  return Load(static_cast<const float*>(all));
}
ADABIN_SIMD_INLINE void Store(float* p, Lanes x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
ADABIN_SIMD_INLINE void StoreSome(float* p, Lanes x, int n) {
  if (n == 16) return Store(p, x);
  alignas(32) float all[16];
  Store(all, x);
  for (int i = 0; i < n; ++i) p[i] = all[i];
}
ADABIN_SIMD_INLINE Lanes Add(Lanes x, Lanes y) {
  return {_mm256_add_ps(x.low, y.low), _mm256_add_ps(x.high, y.high)};
}
ADABIN_SIMD_INLINE Lanes Sub(Lanes x, Lanes y) {
  return {_mm256_sub_ps(x.low, y.low), _mm256_sub_ps(x.high, y.high)};
}
ADABIN_SIMD_INLINE Lanes Mul(Lanes x, Lanes y) {
  return {_mm256_mul_ps(x.low, y.low), _mm256_mul_ps(x.high, y.high)};
}
ADABIN_SIMD_INLINE Lanes Div(Lanes x, Lanes y) {
  return {_mm256_div_ps(x.low, y.low), _mm256_div_ps(x.high, y.high)};
}
ADABIN_SIMD_INLINE Lanes MulAdd(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.low, y.low, z.low), _mm256_fmadd_ps(x.high, y.high, z.high)};
}
ADABIN_SIMD_INLINE __m256 Blend(__m256 otherwise, __m256 taken, __m256 mask) {
  return _mm256_blendv_ps(otherwise, taken, mask);
}
ADABIN_SIMD_INLINE Lanes SelectSlope(Lanes x, Lanes positive, Lanes negative) {
  const __m256 zero = _mm256_setzero_ps();
  return {Blend(negative.low, positive.low, _mm256_cmp_ps(x.low, zero, _CMP_GT_OQ)),
          Blend(negative.high, positive.high, _mm256_cmp_ps(x.high, zero, _CMP_GT_OQ))};
}
ADABIN_SIMD_INLINE Lanes Relu(Lanes x) {
  const __m256 zero = _mm256_setzero_ps();
  return {_mm256_max_ps(x.low, zero), _mm256_max_ps(x.high, zero)};
}
ADABIN_SIMD_INLINE Lanes Max(Lanes x, Lanes y) {
  return {
      Blend(_mm256_max_ps(x.low, y.low), x.low, _mm256_cmp_ps(x.low, x.low, _CMP_UNORD_Q)),
      Blend(_mm256_max_ps(x.high, y.high), x.high, _mm256_cmp_ps(x.high, x.high, _CMP_UNORD_Q))};
}
ADABIN_SIMD_INLINE unsigned Bits(__m256 low, __m256 high) {
  return static_cast<unsigned>(_mm256_movemask_ps(low)) |
         static_cast<unsigned>(_mm256_movemask_ps(high)) << 8;
}
ADABIN_SIMD_INLINE unsigned AtLeast(Lanes x, Lanes y) {
  return Bits(_mm256_cmp_ps(x.low, y.low, _CMP_GE_OQ), _mm256_cmp_ps(x.high, y.high, _CMP_GE_OQ));
}
ADABIN_SIMD_INLINE unsigned NotAtMost(Lanes x, Lanes y) {
  return Bits(_mm256_cmp_ps(x.low, y.low, _CMP_NLE_UQ), _mm256_cmp_ps(x.high, y.high, _CMP_NLE_UQ));
}

}  // namespace adabin::avx2

#endif  // ADABIN_ISA_LANES_AVX2_H_
