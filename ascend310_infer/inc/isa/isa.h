// SPDX-License-Identifier: Apache-2.0
//
// The one table of instruction sets. An entry is defined in isa/<set>.cc; everything in such a file
// is a function with a target attribute, called only after the CPU was asked.
#ifndef ADABIN_ISA_ISA_H_
#define ADABIN_ISA_ISA_H_

#include <span>

#include "isa/bconv_row.h"
#include "isa/float_loops.h"

namespace adabin::isa {

struct Isa {
  const char* name;  // --kernel
  const char* description;
  bool (*supported)();
  const BConvRowKernel* binary;  // null: binary layers in plain C++
  const FloatLoops* floats;      // which end binary layers too, where `binary` does not
};

// Every set that was compiled in, best first. The last one is plain C++ and runs everywhere.
std::span<const Isa* const> Table();
// What runs the layers around binary ones of set `isa`: its own, or, where it has no binary kernel
// or is null, the best of this CPU.
const FloatLoops& Floats(const Isa* isa);

}  // namespace adabin::isa

#endif  // ADABIN_ISA_ISA_H_
