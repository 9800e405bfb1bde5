// SPDX-License-Identifier: Apache-2.0
//
// Sixteen floats at a time, by AVX-512. Each lanes_<isa>.h defines the same names in a namespace of
// its own; the .inc files beside it are written once in these words and compiled once per
// instruction set. Everything is a function with a target attribute rather than a file with
// compiler flags: an inline function of the standard library, which the linker merges with those of
// other files, can then never contain an instruction that the CPU lacks.
#ifndef ADABIN_ISA_LANES_AVX512_H_
#define ADABIN_ISA_LANES_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#define ADABIN_SIMD_NAMESPACE avx512
#define ADABIN_SIMD [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,popcnt")]]
#define ADABIN_SIMD_INLINE ADABIN_SIMD [[gnu::always_inline]] inline

namespace adabin::avx512 {

using Lanes = __m512;
// The zeroing form under a full mask is the plain instruction; g++ 12 warns of the plain form.
constexpr __mmask16 kAll = 0xffff;
// Vectors of output channels and pixels whose sums a float convolution keeps in registers.
constexpr int kTileVectors = 4;
constexpr int kTilePixels = 6;
// The same for the tiles of a Winograd convolution.
constexpr int kWinogradVectors = 2;
constexpr int kWinogradTiles = 13;
// Vectors of channels that a layer finishes together.
constexpr int kFinishVectors = 4;

inline bool Supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}

ADABIN_SIMD_INLINE Lanes Zero() { return _mm512_setzero_ps(); }
ADABIN_SIMD_INLINE Lanes Set(float x) { return _mm512_set1_ps(x); }
ADABIN_SIMD_INLINE Lanes Load(const float* p) { return _mm512_loadu_ps(p); }
ADABIN_SIMD_INLINE Lanes Load(const int32_t* p) {
  return _mm512_maskz_cvtepi32_ps(kAll, _mm512_loadu_si512(p));
}
ADABIN_SIMD_INLINE Lanes Load(const uint16_t* p) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_maskz_cvtepi32_ps(kAll, _mm512_maskz_cvtepu16_epi32(kAll, words));
}
// The first n lanes; the others are 0, or not written.
ADABIN_SIMD_INLINE Lanes LoadSome(const float* p, int n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
ADABIN_SIMD_INLINE void Store(float* p, Lanes x) { _mm512_storeu_ps(p, x); }
ADABIN_SIMD_INLINE void StoreSome(float* p, Lanes x, int n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), x);
}
ADABIN_SIMD_INLINE Lanes Add(Lanes x, Lanes y) { return _mm512_add_ps(x, y); }
ADABIN_SIMD_INLINE Lanes Sub(Lanes x, Lanes y) { return _mm512_sub_ps(x, y); }
ADABIN_SIMD_INLINE Lanes Mul(Lanes x, Lanes y) { return _mm512_mul_ps(x, y); }
ADABIN_SIMD_INLINE Lanes Div(Lanes x, Lanes y) { return _mm512_div_ps(x, y); }
ADABIN_SIMD_INLINE Lanes MulAdd(Lanes x, Lanes y, Lanes z) { return _mm512_fmadd_ps(x, y, z); }
// x > 0 ? positive : negative
ADABIN_SIMD_INLINE Lanes SelectSlope(Lanes x, Lanes positive, Lanes negative) {
  return _mm512_mask_mov_ps(negative, _mm512_cmp_ps_mask(x, Zero(), _CMP_GT_OQ), positive);
}
// x > 0 ? x : 0, which of NaN is 0: as MindSpore's
ADABIN_SIMD_INLINE Lanes Relu(Lanes x) { return _mm512_maskz_max_ps(kAll, x, Zero()); }
// The larger one; NaN if either is.
ADABIN_SIMD_INLINE Lanes Max(Lanes x, Lanes y) {
  return _mm512_mask_mov_ps(_mm512_maskz_max_ps(kAll, x, y), _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q),
                            x);
}
// x >= y
ADABIN_SIMD_INLINE unsigned AtLeast(Lanes x, Lanes y) {
  return _mm512_cmp_ps_mask(x, y, _CMP_GE_OQ);
}
// !(x <= y)
ADABIN_SIMD_INLINE unsigned NotAtMost(Lanes x, Lanes y) {
  return _mm512_cmp_ps_mask(x, y, _CMP_NLE_UQ);
}

}  // namespace adabin::avx512

#endif  // ADABIN_ISA_LANES_AVX512_H_
