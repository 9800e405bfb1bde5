// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "simd/lanes_avx2.h"
// after the lanes
#include "simd/rows.inc"
#include "simd/winograd.inc"

namespace adabin::simd {
namespace {

bool Supported() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}

}  // namespace

const Simd kAvx2 = {"avx2",
                    Supported,
                    avx2::kTileVectors,
                    avx2::RunConvRow,
                    avx2::FinishFloats,
                    avx2::Average,
                    avx2::Maximum,
                    avx2::MaximumOfRows,
                    avx2::kWinogradVectors,
                    avx2::kWinogradTiles,
                    avx2::TransformRow,
                    avx2::TransformRows,
                    avx2::Multiply};

}  // namespace adabin::simd
#endif  // __x86_64__
