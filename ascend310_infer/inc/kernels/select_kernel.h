// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_SELECT_KERNEL_H_
#define ADABIN_KERNELS_SELECT_KERNEL_H_

#include <memory>
#include <span>
#include <string>

#include "isa/isa.h"
#include "kernels/bconv2d.h"

namespace adabin::kernels {

// One way to run a binary convolution: an instruction set, or the reference. That a kernel is in
// the table means that it was compiled in; whether this CPU can run it is a separate question,
// asked at run time.
struct Kernel {
  const char* name;
  const char* description;
  bool (*supported)();
  const isa::Isa* set;  // null: the reference

  std::unique_ptr<BConv2D> create(const BConv2DParams& params) const;
};

// isa::Table() and the reference, best first. Dispatch, tests and benchmarks all walk this table.
std::span<const Kernel> KernelTable();

// The kernel of that name; "auto" is the first one that this CPU can run. Throws Error naming the
// available ones.
const Kernel& SelectKernel(const std::string& name);

std::unique_ptr<BConv2D> CreateReferenceBConv2D(const BConv2DParams& params);
std::unique_ptr<BConv2D> CreatePortableBConv2D(const BConv2DParams& params);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_SELECT_KERNEL_H_
