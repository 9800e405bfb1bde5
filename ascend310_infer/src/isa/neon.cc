// SPDX-License-Identifier: Apache-2.0
//
// NEON: output channels in lanes, four 32-bit words to a register. NEON counts ones by bytes: the
// counts of up to 31 words are added as bytes (31 x 8 < 256) and only then summed into the lanes'
// 32-bit numbers, so that 128 bits cost three instructions: and, count, add. The sums of 16
// channels of four pixels are 16 registers, the weights four.
#if defined(__aarch64__)
#include <algorithm>

#include "isa/isa.h"
#include "isa/lanes_neon.h"
// after the lanes
#include "isa/count_windows.inc"
#include "isa/floats.inc"

namespace adabin::neon {
namespace {

using isa::BConvRow;

constexpr int kParts = isa::kLanes / 4;
constexpr int kMaxSteps = 255 / 8;

template <int kPixels>
using ByteSums = uint8x16_t[kPixels][kParts];

// Moves the sums of bytes to the numbers of `sums`, [pixel][16].
template <int kPixels>
ADABIN_SIMD_INLINE void FlushBytes(ByteSums<kPixels>& bytes, int32_t* sums) {
  for (int p = 0; p < kPixels; ++p) {
    for (int i = 0; i < kParts; ++i) {
      int32_t* at = sums + p * isa::kLanes + i * 4;
      const uint32x4_t before = vreinterpretq_u32_s32(vld1q_s32(at));
      const uint32x4_t after = vpadalq_u16(before, vpaddlq_u8(bytes[p][i]));
      vst1q_s32(at, vreinterpretq_s32_u32(after));
      bytes[p][i] = vdupq_n_u8(0);
    }
  }
}

// One vector of channels of a block.
template <int kPixels>
ADABIN_SIMD_INLINE void CountTile(const BConvRow& row, int vector, size_t first, int32_t* sums) {
  ByteSums<kPixels> bytes;
  for (int p = 0; p < kPixels; ++p) {
    for (int i = 0; i < kParts; ++i) bytes[p][i] = vdupq_n_u8(0);
  }
  std::fill_n(sums, kPixels * isa::kLanes, 0);
  const auto words = static_cast<size_t>(row.vectors) * isa::kLanes;
  const auto* weights = reinterpret_cast<const uint32_t*>(row.weights) + vector * isa::kLanes;
  const size_t step = row.pixel_bytes;
  int left = kMaxSteps;
  for (int s = 0; s < row.segments; ++s) {
    const std::byte* at = row.segment[s] + first * step;
    for (int word = 0; word < row.segment_steps;) {
      const int end = std::min(row.segment_steps, word + left);
      left -= end - word;
      for (; word < end; ++word, at += sizeof(uint32_t), weights += words) {
        uint8x16_t w[kParts];
        for (int i = 0; i < kParts; ++i) {
          w[i] = vreinterpretq_u8_u32(vld1q_u32(weights + i * 4));
        }
        for (int p = 0; p < kPixels; ++p) {
          uint32_t bits;
          __builtin_memcpy(&bits, at + static_cast<size_t>(p) * step, sizeof(bits));
          const uint8x16_t a = vreinterpretq_u8_u32(vdupq_n_u32(bits));
          for (int i = 0; i < kParts; ++i) {
            bytes[p][i] = vaddq_u8(bytes[p][i], vcntq_u8(vandq_u8(a, w[i])));
          }
        }
      }
      if (left == 0) {
        FlushBytes<kPixels>(bytes, sums);
        left = kMaxSteps;
      }
    }
  }
  FlushBytes<kPixels>(bytes, sums);
}

template <int kPixels>
ADABIN_SIMD_INLINE void RunTile(const BConvRow& row, size_t first) {
  auto* sums = reinterpret_cast<int32_t*>(row.scratch);
  constexpr int kVector = kPixels * isa::kLanes;
  for (int v = 0; v < row.vectors; ++v) CountTile<kPixels>(row, v, first, sums + v * kVector);
  isa::FinishTile tile = PixelsOf(row.finish, first, kPixels);
  tile.sums = sums;
  tile.sum_vector_step = kVector;
  tile.sum_pixel_step = isa::kLanes;
  tile.ones += first;
  tile.c_offset += first;
  Finish<int32_t>(tile);
}

// Tiles of at most four pixels, as equal as can be.
void RunRow(const BConvRow& row) {
  const int tiles = (row.width + 3) / 4;
  int first = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    const int end = static_cast<int>(int64_t{row.width} * (tile + 1) / tiles);
    const auto at = static_cast<size_t>(first);
    switch (end - first) {
      case 1:
        RunTile<1>(row, at);
        break;
      case 2:
        RunTile<2>(row, at);
        break;
      case 3:
        RunTile<3>(row, at);
        break;
      default:
        RunTile<4>(row, at);
        break;
    }
    first = end;
  }
}

constexpr isa::BConvRowKernel kBinary = {nullptr, RunRow, CountPixels, SumWindows};

}  // namespace
}  // namespace adabin::neon

namespace adabin::isa {
namespace {

bool Always() { return true; }

}  // namespace

extern const Isa kNeon = {"neon", "NEON, which every 64-bit ARM has", Always, &neon::kBinary,
                          &neon::kFloats};

}  // namespace adabin::isa
#endif  // __aarch64__
