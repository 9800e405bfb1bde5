// SPDX-License-Identifier: Apache-2.0
#include "simd/lanes_portable.h"
// after the lanes
#include "simd/rows.inc"
#include "simd/winograd.inc"

namespace adabin::simd {
namespace {

bool Always() { return true; }

}  // namespace

const Simd kPortable = {"portable",
                        Always,
                        portable::kTileVectors,
                        portable::RunConvRow,
                        portable::FinishFloats,
                        portable::Average,
                        portable::Maximum,
                        portable::MaximumOfRows,
                        portable::kWinogradVectors,
                        portable::kWinogradTiles,
                        portable::TransformRow,
                        portable::TransformRows,
                        portable::Multiply};

}  // namespace adabin::simd
