// SPDX-License-Identifier: Apache-2.0
#include "kernels/select_kernel.h"

#include <vector>

#include "base/error.h"
#include "kernels/tiled_bconv2d.h"

namespace adabin::kernels {
namespace {

// Whether the vector kernels handle it themselves: padding that can be laid out in memory, and
// groups that fill a quarter of a vector. They leave everything else to the portable kernel.
bool FitsTiles(const ConvGeometry& g) {
  const BitPadding pad = WindowPadding(g);
  const int64_t map = int64_t{g.in.h} * g.in.w;
  const int64_t padded =
      (int64_t{pad.top} + g.in.h + pad.bottom) * (int64_t{pad.left} + g.in.w + pad.right);
  const bool fills = g.groups == 1 || g.group_out() >= isa::kLanes / 4;
  return fills && padded <= 16 * map + (1 << 16);
}

// Those that read codes count in 16 bits.
bool CountsFit(const isa::BConvRowKernel& kernel, const ConvGeometry& g) {
  return kernel.encode == nullptr || g.filter_size() < (1 << 16);
}

std::vector<Kernel> MakeTable() {
  std::vector<Kernel> table;
  for (const isa::Isa* each : isa::Table()) {
    table.push_back({each->name, each->description, each->supported, each});
  }
  table.push_back({"reference", "one bit at a time; slow, what the others are compared with",
                   [] { return true; }, nullptr});
  return table;
}

}  // namespace

std::unique_ptr<BConv2D> Kernel::create(const BConv2DParams& params) const {
  if (set == nullptr) return CreateReferenceBConv2D(params);
  const ConvGeometry& g = params.geometry;
  const bool vectors = set->binary != nullptr && FitsTiles(g) && CountsFit(*set->binary, g);
  if (!vectors) return CreatePortableBConv2D(params);
  if (g.groups > 1) return CreateGroupedBConv2D(params, *set);
  return CreateTiledBConv2D(params, ComputeConstants(params), *set->binary);
}

std::span<const Kernel> KernelTable() {
  static const std::vector<Kernel> table = MakeTable();
  return table;
}

const Kernel& SelectKernel(const std::string& name) {
  std::string available;
  for (const Kernel& kernel : KernelTable()) {
    if (!kernel.supported()) continue;
    if (name == "auto" || name == kernel.name) return kernel;
    available += std::string(", ") + kernel.name;
  }
  for (const Kernel& kernel : KernelTable()) {
    if (name == kernel.name) {
      throw Error("kernel " + name + ": this CPU cannot run it; available: auto" + available);
    }
  }
  throw Error("kernel " + Printable(name) + ": no such kernel; available: auto" + available +
              ", float");
}

}  // namespace adabin::kernels
