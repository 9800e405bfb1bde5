// SPDX-License-Identifier: Apache-2.0
//
// The inner loop of every convolution: C(kRows, vectors) += A(kRows, depth) * B(depth, vectors), where B's rows lie
// anywhere in memory, at offsets that all its columns share.
#ifndef ADABIN_CPU_GEMM_H_
#define ADABIN_CPU_GEMM_H_

#include <cstdint>

#include "simd.h"

namespace adabin_cpu {

/// Rows and vectors of the largest tile: its accumulators, a row of B and a factor of A fill the registers.
#if defined(__AVX512F__)
constexpr int kRows = 8;
#else
constexpr int kRows = 4;
#endif
constexpr int kMaxVectors = 3;

/// sums[r][v] += over k of a[k * kRows + r] * (vector at columns[v] + offsets[k]).
template <int vectors>
inline void MultiplyTile(const float* a, const int32_t* offsets, int64_t depth, const float* const* columns,
                         Vec (&sums)[kRows][vectors]) {
  const float* base[vectors];
  for (int v = 0; v < vectors; ++v) base[v] = columns[v];
  Vec acc[kRows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) acc[r][v] = sums[r][v];
  }
  for (int64_t k = 0; k < depth; ++k) {
    const int64_t offset = offsets[k];
    Vec b[vectors];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) b[v] = Load<Vec>(base[v] + offset);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec factor = Broadcast(a[k * kRows + r]);
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) acc[r][v] = MulAdd(factor, b[v], acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) sums[r][v] = acc[r][v];
  }
}

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_GEMM_H_
