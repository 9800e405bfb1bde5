// SPDX-License-Identifier: Apache-2.0
//
// What binary and float convolutions and dense layers have in common.
#ifndef ADABIN_OPS_CONVOLUTION_H_
#define ADABIN_OPS_CONVOLUTION_H_

#include <span>

#include "kernels/conv2d.h"
#include "ops/operator.h"
#include "ops/tail.h"

namespace adabin::ops {

// Channels, groups, window: before an operator checks its weights. Returns the weights of a filter.
int64_t InferFilter(const graph::Plan& plan, graph::Step* step);
// Scale, shift, activation, residual: after them. Returns the output's shape.
Shape InferResults(const graph::Plan& plan, graph::Step* step);

// A packed file holds convolutions as exported: nothing is folded into them.
void ConvolutionFields(Fields& fields, graph::Step& step);

kernels::Conv2DParams FloatParams(const graph::Plan& plan, const graph::Step& step,
                                  std::span<const float> weights);
// The maximum pooling that alone reads a convolution without residual, and what follows it.
void FusePool(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);
// The same of a float convolution or dense layer, and the average before it.
void FuseFloat(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);
void EmitFloat(schedule::Scheduler* scheduler, const graph::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_CONVOLUTION_H_
