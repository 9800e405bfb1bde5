// SPDX-License-Identifier: Apache-2.0
//
// Vectors of the machine's width, written with the compiler's vector types so that they exist on every processor.
#ifndef ADABIN_CPU_SIMD_H_
#define ADABIN_CPU_SIMD_H_

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace adabin_cpu {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef uint32_t BitVec __attribute__((vector_size(kLanes * 4)));

template <typename V, typename T>
static inline V Load(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

template <typename V, typename T>
static inline void Store(T* p, V v) {
  std::memcpy(p, &v, sizeof(v));
}

/// The first `count` lanes (1 to kLanes); the others are not touched, or read as 0.
template <typename V, typename T>
static inline V LoadFirst(const T* p, int count) {
#if defined(__AVX512F__)
  return (V)_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), p);
#else
  V v = {};
  std::memcpy(&v, p, 4 * count);
  return v;
#endif
}

template <typename V, typename T>
static inline void StoreFirst(T* p, V v, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << count) - 1), (__m512i)v);
#else
  std::memcpy(p, &v, 4 * count);
#endif
}

static inline Vec Broadcast(float x) { return x - Vec{}; }
static inline BitVec Broadcast(uint32_t x) { return x - BitVec{}; }
static inline IntVec Broadcast(int32_t x) { return x - IntVec{}; }

/// x * y + z, rounded once where the processor can: nothing else is fused (-ffp-contract=off).
static inline Vec MulAdd(Vec x, Vec y, Vec z) {
#if defined(__AVX512F__)
  return (Vec)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
#elif defined(__AVX__) && defined(__FMA__)
  return (Vec)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
#elif defined(__aarch64__)
  return (Vec)vfmaq_f32((float32x4_t)z, (float32x4_t)x, (float32x4_t)y);
#else
  return x * y + z;
#endif
}

/// a where the mask's lane is all ones, b where it is 0.
static inline Vec Select(IntVec mask, Vec a, Vec b) { return mask ? a : b; }

static inline Vec Abs(Vec v) { return (Vec)((IntVec)v & Broadcast(int32_t{0x7fffffff})); }

static inline Vec ToFloat(IntVec v) { return __builtin_convertvector(v, Vec); }

/// Number of ones in every lane.
static inline IntVec CountOnes(BitVec v) {
#if defined(__AVX512VPOPCNTDQ__)
  return (IntVec)_mm512_popcnt_epi32((__m512i)v);
#else
  v = v - ((v >> 1) & 0x55555555u);
  v = (v & 0x33333333u) + ((v >> 2) & 0x33333333u);
  v = (v + (v >> 4)) & 0x0f0f0f0fu;
  return (IntVec)((v * 0x01010101u) >> 24);
#endif
}

/// The lanes' sum, in double and in a fixed order.
static inline double Sum(Vec v) {
  double sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += static_cast<double>(v[i]);
  return sum;
}

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_SIMD_H_
