// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "simd/lanes_avx512.h"
// after the lanes
#include "simd/rows.inc"
#include "simd/winograd.inc"

namespace adabin::simd {
namespace {

bool Supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}

}  // namespace

const Simd kAvx512 = {"avx512",
                      Supported,
                      avx512::kTileVectors,
                      avx512::RunConvRow,
                      avx512::FinishFloats,
                      avx512::Average,
                      avx512::Maximum,
                      avx512::MaximumOfRows,
                      avx512::kWinogradVectors,
                      avx512::kWinogradTiles,
                      avx512::TransformRow,
                      avx512::TransformRows,
                      avx512::Multiply};

}  // namespace adabin::simd
#endif  // __x86_64__
