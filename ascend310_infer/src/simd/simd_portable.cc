// SPDX-License-Identifier: Apache-2.0
#include "simd/lanes_portable.h"
// after the lanes
#include "simd/rows.inc"

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
                        portable::MaximumOfRows};

}  // namespace adabin::simd
