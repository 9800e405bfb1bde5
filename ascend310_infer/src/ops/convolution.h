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
int64_t InferFilter(const ir::Plan& plan, ir::Step* step);
// Scale, shift, activation, residual: after them. Returns the output's shape.
Shape InferResults(const ir::Plan& plan, ir::Step* step);

void ConvolutionFields(Fields& fields, ir::Step& step);
void ResultFields(Fields& fields, ir::Step& step);

kernels::Conv2DParams FloatParams(const schedule::Scheduler& scheduler, const ir::Step& step,
                                  std::span<const float> weights);
// The maximum pooling that alone reads this convolution, and what follows it.
Followers FindPool(schedule::Scheduler* scheduler, const ir::Step& step);
// A float convolution or dense layer, with the average before it and the pooling behind it.
void EmitFloat(schedule::Scheduler* scheduler, const ir::Step& step);
// Whether the only reader of this average is a layer that can average by itself.
bool TakesOverAverage(const schedule::Scheduler& scheduler, int value);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_CONVOLUTION_H_
