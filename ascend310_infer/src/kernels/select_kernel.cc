// SPDX-License-Identifier: Apache-2.0
#include "kernels/select_kernel.h"

#include "base/error.h"

namespace adabin::kernels {
namespace {

bool Always() { return true; }

constexpr Kernel kTable[] = {
    {"portable", "64-bit words, popcount instruction where the CPU has one", Always,
     CreatePortableBConv2D},
    {"reference", "one bit at a time; slow, what the others are compared with", Always,
     CreateReferenceBConv2D},
};

}  // namespace

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
