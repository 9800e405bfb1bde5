// SPDX-License-Identifier: Apache-2.0
//
// AVX-512 with VPOPCNTDQ: output channels in lanes. Four vectors of weights meet the same word of
// up to four pixels, broadcast, so that each of the 16 sums stays in a register and a word costs
// three instructions: and, popcount, add.
#if defined(__x86_64__)
#include "isa/isa.h"
#include "isa/lanes_avx512.h"
// after the lanes
#include "isa/count_windows.inc"
#include "isa/finish.inc"

namespace adabin::avx512 {
namespace {

using isa::BConvRow;
using isa::StepRange;

// Pixels whose sums wait in the first-level cache to be finished together.
constexpr int kChunk = 32;
static_assert(kChunk * 4 * 16 * sizeof(int32_t) <= isa::kRowScratch);

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
using Sums = __m512i[kVectors][kPixels];

// So many words of the tile's pixels from kFirst to before kEnd.
template <int kFirst, int kEnd, int kVectors, int kPixels>
ADABIN_SIMD_INLINE void CountWords(const std::byte* bits, size_t step, const std::byte* weights,
                                   int words, Sums<kVectors, kPixels>& sum) {
  for (int word = 0; word < words; ++word, bits += sizeof(uint32_t)) {
    __m512i w[kVectors];
    for (int v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_si512(weights + v * 64);
    weights += kVectors * 64;
    // Two bases for eight pixels: g++ would want more registers for their offsets than there are.
    const std::byte* far = bits + 4 * step;
    asm("" : "+r"(far));
    for (int p = kFirst; p < kEnd; ++p) {
      int32_t all;
      __builtin_memcpy(&all, (p < 4 ? bits : far) + static_cast<size_t>(p % 4) * step, sizeof(all));
      const __m512i a = _mm512_set1_epi32(all);
      for (int v = 0; v < kVectors; ++v) Count(a, w[v], &sum[v][p]);
    }
  }
}

// Of the words of each segment, the first pixel does without those before `inside` and the last one
// without those behind it.
template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void CountTile(const BConvRow& row, size_t first, StepRange inside,
                                  int32_t* sums) {
  Sums<kVectors, kPixels> sum;
  for (int v = 0; v < kVectors; ++v) {
    for (int p = 0; p < kPixels; ++p) sum[v][p] = _mm512_setzero_si512();
  }
  constexpr int kWordBytes = kVectors * 64;
  const std::byte* weights = row.weights;
  const size_t step = row.pixel_bytes;
  const int words = row.segment_steps;
  const bool whole = (inside.begin == 0 && inside.end == words) || inside.begin > inside.end;
  for (int s = 0; s < row.segments; ++s, weights += words * kWordBytes) {
    const std::byte* at = row.segment[s] + first * step;
    if (kVectors < 4 || whole) {  // few channels have few words: not worth three loops
      CountWords<0, kPixels, kVectors, kPixels>(at, step, weights, words, sum);
      continue;
    }
    CountWords<1, kPixels, kVectors, kPixels>(at, step, weights, inside.begin, sum);
    CountWords<0, kPixels, kVectors, kPixels>(at + 4 * inside.begin, step,
                                              weights + inside.begin * kWordBytes,
                                              inside.end - inside.begin, sum);
    CountWords<0, kPixels - 1, kVectors, kPixels>(
        at + 4 * inside.end, step, weights + inside.end * kWordBytes, words - inside.end, sum);
  }
  for (int v = 0; v < kVectors; ++v) {
    for (int p = 0; p < kPixels; ++p) {
      _mm512_store_si512(sums + (v * kChunk + p) * 16, sum[v][p]);
    }
  }
}

// The map that the tile's results will meet is fetched while its bits are counted.
template <int kVectors>
ADABIN_SIMD_INLINE void Fetch(const Target& to, size_t first, int pixels) {
  if (to.z == nullptr) return;
  const float* map = to.z + first * to.stride;
  for (int p = 0; p < pixels; ++p, map += to.stride) {
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(map + v * isa::kLanes);
  }
}

// A stretch of a row, in tiles of at most `kPixels` that are as equal as can be.
template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void CountChunk(const BConvRow& row, int begin, int pixels, int32_t* sums) {
  const int tiles = (pixels + kPixels - 1) / kPixels;
  for (int tile = 0; tile < tiles; ++tile) {
    const int first = pixels * tile / tiles;
    const int count = pixels * (tile + 1) / tiles - first;
    const auto at = static_cast<size_t>(begin + first);
    int32_t* to = sums + first * 16;
    Fetch<kVectors>(row.finish.to, at, count);
    const StepRange inside = {
        at == 0 ? row.first_steps.begin : 0,
        begin + first + count == row.width ? row.last_steps.end : row.segment_steps};
    switch (count) {
      case 1:
        CountTile<kVectors, 1>(row, at, inside, to);
        break;
      case 2:
        CountTile<kVectors, 2>(row, at, inside, to);
        break;
      case 3:
        CountTile<kVectors, 3>(row, at, inside, to);
        break;
      case 4:
        CountTile<kVectors, 4>(row, at, inside, to);
        break;
      case 5:
        if constexpr (kPixels >= 5) CountTile<kVectors, 5>(row, at, inside, to);
        break;
      case 6:
        if constexpr (kPixels >= 6) CountTile<kVectors, 6>(row, at, inside, to);
        break;
      case 7:
        if constexpr (kPixels >= 7) CountTile<kVectors, 7>(row, at, inside, to);
        break;
      default:
        if constexpr (kPixels >= 8) CountTile<kVectors, 8>(row, at, inside, to);
        break;
    }
  }
}

template <int kVectors, int kPixels>
ADABIN_SIMD_INLINE void RunChunks(const BConvRow& row) {
  auto* sums = reinterpret_cast<int32_t*>(row.scratch);
  for (int begin = 0; begin < row.width; begin += kChunk) {
    const int pixels = row.width - begin < kChunk ? row.width - begin : kChunk;
    CountChunk<kVectors, kPixels>(row, begin, pixels, sums);
    isa::FinishTile tile = PixelsOf(row.finish, static_cast<size_t>(begin), pixels);
    tile.ones += begin;
    tile.c_offset += begin;
    tile.sums = sums;
    tile.sum_vector_step = kChunk * 16;
    tile.sum_pixel_step = 16;
    Finish<int32_t>(tile);
  }
}

ADABIN_SIMD void RunRow(const BConvRow& row) {
  switch (row.vectors) {
    case 1:
      return RunChunks<1, 8>(row);
    case 2:
      return RunChunks<2, 8>(row);
    default:
      return RunChunks<4, 4>(row);
  }
}

// Pixels of up to 32 channels, sixteen at a time.
ADABIN_SIMD void CountFewPixels(const std::byte* bits, size_t pixel_bytes, int pixels,
                                int32_t* counts) {
  if (pixel_bytes > sizeof(int32_t)) return CountPixels(bits, pixel_bytes, pixels, counts);
  for (int p = 0; p < pixels; p += 16, bits += 16 * pixel_bytes, counts += 16) {
    const unsigned left = static_cast<unsigned>(pixels - p);
    const auto lanes = static_cast<__mmask16>(left < 16 ? (1u << left) - 1 : 0xffffu);
    __m512i x;
    if (pixel_bytes == sizeof(int16_t)) {
      x = _mm512_maskz_cvtepu16_epi32(kAll, _mm256_maskz_loadu_epi16(lanes, bits));
    } else {
      x = _mm512_maskz_loadu_epi32(lanes, bits);
    }
    asm("vpopcntd %[x], %[x]" : [x] "+v"(x));
    _mm512_mask_storeu_epi32(counts, lanes, x);
  }
}

constexpr isa::BConvRowKernel kBinary = {nullptr, RunRow, CountFewPixels, SumWindows};

}  // namespace
}  // namespace adabin::avx512

namespace adabin::isa {
namespace {

bool Supported() { return avx512::Supported() && __builtin_cpu_supports("avx512vpopcntdq"); }

}  // namespace

extern const FloatLoops kAvx512Floats;  // of avx512.cc
extern const Isa kAvx512Vpopcnt = {"avx512_vpopcnt",
                                   "AVX-512 with its popcount instruction (VPOPCNTDQ)", Supported,
                                   &avx512::kBinary, &kAvx512Floats};

}  // namespace adabin::isa
#endif  // __x86_64__
