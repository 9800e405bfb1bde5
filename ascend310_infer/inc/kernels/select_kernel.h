// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_SELECT_KERNEL_H_
#define ADABIN_KERNELS_SELECT_KERNEL_H_

#include <memory>
#include <span>
#include <string>

#include "kernels/bconv2d.h"

namespace adabin::kernels {

// One way to run a binary convolution. That a kernel is in the table means that it was compiled
// in; whether this CPU can run it is a separate question, asked at run time.
struct Kernel {
  const char* name;
  const char* description;
  bool (*supported)();
  std::unique_ptr<BConv2D> (*create)(const BConv2DParams& params);
  const char* simd;  // of the layers around: an entry of simd::Table(), or null for the best
};

// Every compiled-in kernel, best first. Dispatch, tests and benchmarks all walk this table.
std::span<const Kernel> KernelTable();

// The kernel of that name; "auto" is the first one that this CPU can run. Throws Error naming the
// available ones.
const Kernel& SelectKernel(const std::string& name);

// Whether the vector kernels handle it themselves: one group, padding that can be laid out in
// memory. They leave everything else to the portable kernel.
bool FitsTiles(const ConvGeometry& geometry);
// The same for those that count in 16 bits.
bool FitsNibbles(const ConvGeometry& geometry);

std::unique_ptr<BConv2D> CreateReferenceBConv2D(const BConv2DParams& params);
std::unique_ptr<BConv2D> CreatePortableBConv2D(const BConv2DParams& params);
#if defined(__x86_64__)
bool HasAvx2();
bool HasAvx512();
bool HasAvx512Vpopcnt();
std::unique_ptr<BConv2D> CreateAvx512VpopcntBConv2D(const BConv2DParams& params);
std::unique_ptr<BConv2D> CreateAvx512BConv2D(const BConv2DParams& params);
std::unique_ptr<BConv2D> CreateAvx2BConv2D(const BConv2DParams& params);
#endif
#if defined(__aarch64__)
std::unique_ptr<BConv2D> CreateNeonBConv2D(const BConv2DParams& params);
#endif

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_SELECT_KERNEL_H_
