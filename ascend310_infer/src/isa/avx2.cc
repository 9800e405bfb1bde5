// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "isa/isa.h"
#include "isa/lanes_avx2.h"
// after the lanes
#include "isa/count_windows.inc"
#include "isa/floats.inc"
// after those
#include "isa/nibble_registers.inc"
#include "isa/nibble_rows.inc"

namespace adabin::avx2 {
namespace {

ADABIN_SIMD void RunRow(const BConvRow& row) {
  switch (row.vectors) {
    case 1:
      return LookUpRow<Xmm, 1>(row);
    case 2:
      return LookUpRow<Ymm, 1>(row);
    default:
      return LookUpRow<Ymm, 2>(row);
  }
}

constexpr isa::BConvRowKernel kBinary = {Encode, RunRow, CountPixels, SumWindows};

}  // namespace
}  // namespace adabin::avx2

namespace adabin::isa {
namespace {

bool Supported() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}

}  // namespace

extern const Isa kAvx2 = {"avx2", "AVX2: table look-up of four bits", Supported, &avx2::kBinary,
                          &avx2::kFloats};

}  // namespace adabin::isa
#endif  // __x86_64__
