// SPDX-License-Identifier: Apache-2.0
//
// What the vector kernels share: everything but the counting of one output row.
#ifndef ADABIN_KERNELS_TILED_BCONV2D_H_
#define ADABIN_KERNELS_TILED_BCONV2D_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "isa/isa.h"
#include "kernels/bconv2d.h"
#include "kernels/tiled_weights.h"

namespace adabin::kernels {

// Convolutions of one group. `kernel` outlives the result.
std::unique_ptr<BConv2D> CreateTiledBConv2D(const BConv2DParams& params,
                                            const BConv2DConstants& constants,
                                            const isa::BConvRowKernel& kernel);
// Of any number of groups, by the binary kernel of `set`.
std::unique_ptr<BConv2D> CreateGroupedBConv2D(const BConv2DParams& params, const isa::Isa& set);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_TILED_BCONV2D_H_
