// SPDX-License-Identifier: Apache-2.0
//
// What maximum, average and mean have in common.
#ifndef ADABIN_OPS_POOLING_H_
#define ADABIN_OPS_POOLING_H_

#include "ops/operator.h"

namespace adabin::ops {

std::optional<std::vector<int>> MatchMaxPool(const graph::Graph& graph, int v);
std::optional<std::vector<int>> MatchAvgPool(const graph::Graph& graph, int v);
graph::Step ParsePool(const Source& source);
TensorShape InferPool(const graph::Plan& plan, graph::Step* step);
void PoolFields(Fields& fields, graph::Step& step);

bool IsAverage(const graph::Step& step);
// The mean of a map is the average pooling with a window as large as the map.
ConvGeometry AverageGeometry(const schedule::Scheduler& scheduler, const graph::Step& step);
void EmitPool(schedule::Scheduler* scheduler, const graph::Step& step);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_POOLING_H_
