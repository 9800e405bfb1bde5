// SPDX-License-Identifier: Apache-2.0
#if defined(__aarch64__)
#include "simd/lanes_neon.h"
// after the lanes
#include "simd/rows.inc"
#include "simd/winograd.inc"

namespace adabin::simd {
namespace {

bool Always() { return true; }

}  // namespace

const Simd kNeon = {"neon",
                    Always,
                    neon::kTileVectors,
                    neon::RunConvRow,
                    neon::FinishFloats,
                    neon::Average,
                    neon::Maximum,
                    neon::MaximumOfRows,
                    neon::kWinogradVectors,
                    neon::kWinogradTiles,
                    neon::TransformRow,
                    neon::TransformRows,
                    neon::Multiply};

}  // namespace adabin::simd
#endif  // __aarch64__
