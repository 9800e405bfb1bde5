// SPDX-License-Identifier: Apache-2.0
//
// A binary layer of the plan as the kernels take it, and as the float convolution that it is.
#ifndef ADABIN_BACKEND_BINARY_LAYER_H_
#define ADABIN_BACKEND_BINARY_LAYER_H_

#include <vector>

#include "ir/plan.h"
#include "kernels/bconv2d.h"

namespace adabin::backend {

// The kernel's view of a kBinaryConv step.
kernels::BConv2DParams BinaryParams(const ir::Step& step);
// The convolution itself, without BatchNorm, residual and activation: what tools and tests compare.
kernels::BConv2DParams RawBinaryParams(const ir::Step& step);
// The weights of a kBinaryConv step as float32 OIHW.
std::vector<float> FloatWeights(const ir::Step& step);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_BINARY_LAYER_H_
