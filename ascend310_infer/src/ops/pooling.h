// SPDX-License-Identifier: Apache-2.0
//
// What maximum, average and mean have in common.
#ifndef ADABIN_OPS_POOLING_H_
#define ADABIN_OPS_POOLING_H_

#include "ops/operator.h"

namespace adabin::ops {

ir::Step ParsePool(const Source& source);
TensorShape InferPool(const ir::Plan& plan, ir::Step* step);
void PoolFields(Fields& fields, ir::Step& step);

bool IsAverage(const ir::Step& step);
// The mean of a map is the average pooling with a window as large as the map.
ConvGeometry AverageGeometry(const schedule::Scheduler& scheduler, const ir::Step& step);
void EmitPool(schedule::Scheduler* scheduler, const ir::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_POOLING_H_
