// SPDX-License-Identifier: Apache-2.0
#include "isa/isa.h"
#include "isa/lanes_portable.h"
// after the lanes
#include "isa/floats.inc"

namespace adabin::isa {
namespace {

bool Always() { return true; }

}  // namespace

extern const Isa kPortable = {"portable",
                              "64-bit words, popcount instruction where the CPU has one", Always,
                              nullptr, &portable::kFloats};

}  // namespace adabin::isa
