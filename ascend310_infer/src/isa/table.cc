// SPDX-License-Identifier: Apache-2.0
#include "isa/isa.h"

namespace adabin::isa {

#define ADABIN_ISA_ROWS(ROW) ADABIN_X86_ROWS(ROW) ADABIN_ARM_ROWS(ROW) ROW(kPortable)
#if defined(__x86_64__)
#define ADABIN_X86_ROWS(ROW) ROW(kAvx512Vpopcnt) ROW(kAvx512) ROW(kAvx2)
#else
#define ADABIN_X86_ROWS(ROW)
#endif
#if defined(__aarch64__)
#define ADABIN_ARM_ROWS(ROW) ROW(kNeon)
#else
#define ADABIN_ARM_ROWS(ROW)
#endif

#define ADABIN_DECLARE(entry) extern const Isa entry;
ADABIN_ISA_ROWS(ADABIN_DECLARE)
#define ADABIN_ADDRESS(entry) &entry,
constexpr const Isa* kTable[] = {ADABIN_ISA_ROWS(ADABIN_ADDRESS)};

std::span<const Isa* const> Table() { return kTable; }

const FloatLoops& Floats(const Isa* isa) {
  if (isa != nullptr && isa->binary != nullptr) return *isa->floats;
  for (const Isa* best : kTable) {
    if (best->supported()) return *best->floats;
  }
  return *kPortable.floats;
}

}  // namespace adabin::isa
