// SPDX-License-Identifier: Apache-2.0
#include "kernels/select_kernel.h"

#include "base/error.h"

namespace adabin::kernels {
namespace {

bool Always() { return true; }

constexpr Kernel kTable[] = {
#if defined(__x86_64__)
    {"avx512_vpopcnt", "AVX-512 with its popcount instruction (VPOPCNTDQ)", HasAvx512Vpopcnt,
     CreateAvx512VpopcntBConv2D, "avx512"},
    {"avx512", "AVX-512 without it: table look-up of four bits", HasAvx512, CreateAvx512BConv2D,
     "avx512"},
    {"avx2", "AVX2: table look-up of four bits", HasAvx2, CreateAvx2BConv2D, "avx2"},
#endif
#if defined(__aarch64__)
    {"neon", "NEON, which every 64-bit ARM has", Always, CreateNeonBConv2D, "neon"},
#endif
    {"portable", "64-bit words, popcount instruction where the CPU has one", Always,
     CreatePortableBConv2D, nullptr},
    {"reference", "one bit at a time; slow, what the others are compared with", Always,
     CreateReferenceBConv2D, nullptr},
};

}  // namespace

#if defined(__x86_64__)
bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("popcnt");
}
#endif

bool FitsTiles(const ConvGeometry& g) {
  const BitPadding pad = WindowPadding(g);
  const int64_t map = int64_t{g.in.h} * g.in.w;
  const int64_t padded =
      (int64_t{pad.top} + g.in.h + pad.bottom) * (int64_t{pad.left} + g.in.w + pad.right);
  return g.groups == 1 && padded <= 16 * map + (1 << 16);
}

bool FitsNibbles(const ConvGeometry& g) { return FitsTiles(g) && g.filter_size() < (1 << 16); }

std::span<const Kernel> KernelTable() { return kTable; }

const Kernel& SelectKernel(const std::string& name) {
  std::string available;
  for (const Kernel& kernel : kTable) {
    if (!kernel.supported()) continue;
    if (name == "auto" || name == kernel.name) return kernel;
    available += std::string(", ") + kernel.name;
  }
  for (const Kernel& kernel : kTable) {
    if (name == kernel.name) {
      throw Error("--kernel " + name + ": this CPU cannot run it; available: auto" + available);
    }
  }
  throw Error("--kernel " + Printable(name) + ": no such kernel; available: auto" + available +
              ", float");
}

}  // namespace adabin::kernels
