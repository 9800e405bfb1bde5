// SPDX-License-Identifier: Apache-2.0
//
// AVX-512 with VPOPCNTDQ: output channels in lanes. Four vectors of weights meet the same word of
// up to four pixels, broadcast, so that each of the 16 sums stays in a register and a word costs
// three instructions: and, popcount, add.
#if defined(__x86_64__)
#include "kernels/select_kernel.h"
#include "kernels/tiled_bconv2d.h"
#include "simd/lanes_avx512.h"
// after the lanes
#include "kernels/count_windows.inc"
#include "simd/finish.inc"

namespace adabin::avx512 {
namespace {

using kernels::BConvRow;

// sum += popcount(a & w). In assembly because g++ 12 spills the sums when it sees through this.
ADABIN_SIMD_INLINE void Count(__m512i a, __m512i w, __m512i* sum) {
  __m512i t;
  asm volatile(
      "vpandd %[a], %[w], %[t]\n\t"
      "vpopcntd %[t], %[t]\n\t"
      "vpaddd %[t], %[sum], %[sum]"
      : [sum] "+v"(*sum), [t] "=&v"(t)
      : [a] "v"(a), [w] "v"(w));
}

template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void CountTile(const BConvRow& row, size_t first, int32_t* sums) {
  __m512i sum[kVectors][kPixels];
  for (int v = 0; v < kVectors; ++v) {
    for (int p = 0; p < kPixels; ++p) sum[v][p] = _mm512_setzero_si512();
  }
  const std::byte* weights = row.weights;
  const size_t step = row.pixel_bytes;
  for (int s = 0; s < row.segments; ++s) {
    const std::byte* at = row.segment[s] + first * step;
    for (int word = 0; word < row.segment_words; ++word, at += sizeof(uint32_t)) {
      __m512i w[kVectors];
      for (int v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_si512(weights + v * 64);
      weights += kVectors * 64;
      for (int p = 0; p < kPixels; ++p) {
        int32_t bits;
        __builtin_memcpy(&bits, at + static_cast<size_t>(p) * step, sizeof(bits));
        const __m512i a = _mm512_set1_epi32(bits);
        for (int v = 0; v < kVectors; ++v) Count(a, w[v], &sum[v][p]);
      }
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    for (int p = 0; p < kPixels; ++p) {
      _mm512_store_si512(sums + (v * kPixels + p) * 16, sum[v][p]);
    }
  }
}

template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void RunTile(const BConvRow& row, size_t first) {
  auto* sums = reinterpret_cast<int32_t*>(row.scratch);
  CountTile<kVectors, kPixels>(row, first, sums);
  simd::FinishTile tile = row.finish;
  tile.sums = sums;
  tile.sum_vector_step = kPixels * 16;
  tile.sum_pixel_step = 16;
  tile.pixels = kPixels;
  tile.ones += first;
  tile.c_offset += first;
  if (tile.residual != nullptr) tile.residual += first * tile.stride;
  if (tile.z != nullptr) tile.z += first * tile.stride;
  if (tile.bits != nullptr) tile.bits += first * tile.bit_stride;
  Finish<true>(tile);
}

// Tiles of at most `kPixels`, as equal as can be.
template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void RunTiles(const BConvRow& row) {
  const int tiles = (row.width + kPixels - 1) / kPixels;
  int first = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    const int end = static_cast<int>(int64_t{row.width} * (tile + 1) / tiles);
    const auto at = static_cast<size_t>(first);
    switch (end - first) {
      case 1:
        RunTile<kVectors, 1>(row, at);
        break;
      case 2:
        RunTile<kVectors, 2>(row, at);
        break;
      case 3:
        RunTile<kVectors, 3>(row, at);
        break;
      case 4:
        RunTile<kVectors, 4>(row, at);
        break;
      case 5:
        if constexpr (kPixels >= 5) RunTile<kVectors, 5>(row, at);
        break;
      case 6:
        if constexpr (kPixels >= 6) RunTile<kVectors, 6>(row, at);
        break;
      case 7:
        if constexpr (kPixels >= 7) RunTile<kVectors, 7>(row, at);
        break;
      default:
        if constexpr (kPixels >= 8) RunTile<kVectors, 8>(row, at);
        break;
    }
    first = end;
  }
}

ADABIN_SIMD void RunRow(const BConvRow& row) {
  switch (row.vectors) {
    case 1:
      return RunTiles<1, 8>(row);
    case 2:
      return RunTiles<2, 8>(row);
    default:
      return RunTiles<4, 4>(row);
  }
}

constexpr kernels::BConvRowKernel kKernel = {false, RunRow, CountPixels, SumWindows};

}  // namespace
}  // namespace adabin::avx512

namespace adabin::kernels {

bool HasAvx512Vpopcnt() { return HasAvx512() && __builtin_cpu_supports("avx512vpopcntdq"); }

std::unique_ptr<BConv2D> CreateAvx512VpopcntBConv2D(const BConv2DParams& params) {
  if (!FitsTiles(params.geometry)) return CreatePortableBConv2D(params);
  return CreateTiledBConv2D(params, avx512::kKernel);
}

}  // namespace adabin::kernels
#endif  // __x86_64__
