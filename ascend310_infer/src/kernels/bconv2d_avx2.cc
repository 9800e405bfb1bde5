// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "kernels/select_kernel.h"
#include "kernels/tiled_bconv2d.h"
#include "simd/lanes_avx2.h"
// after the lanes
#include "kernels/count_windows.inc"
#include "simd/finish.inc"
// after those
#include "kernels/nibble_rows.inc"

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

constexpr kernels::BConvRowKernel kKernel = {Encode, RunRow, CountPixels, SumWindows};

}  // namespace
}  // namespace adabin::avx2

namespace adabin::kernels {

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}

std::unique_ptr<BConv2D> CreateAvx2BConv2D(const BConv2DParams& params) {
  if (!FitsNibbles(params.geometry)) return CreatePortableBConv2D(params);
  return CreateTiledBConv2D(params, avx2::kKernel);
}

}  // namespace adabin::kernels
#endif  // __x86_64__
