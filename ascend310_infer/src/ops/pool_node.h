// SPDX-License-Identifier: Apache-2.0
//
// The operators that MindSpore exports poolings as, and what they say of their windows.
#ifndef ADABIN_OPS_POOL_NODE_H_
#define ADABIN_OPS_POOL_NODE_H_

#include <optional>
#include <vector>

#include "base/conv_geometry.h"
#include "graph/graph.h"
#include "graph/node_view.h"

namespace adabin::ops {

struct PoolNode {
  const graph::Node* node = nullptr;  // that has the attributes
  int x = -1;                         // the map that it reads
  bool maximum = false;
};
// MaxPool, AvgPool, MaxPoolWithArgmaxV2, AdaptiveMaxPool2D; and, as nn.MaxPool2d and nn.AvgPool2d
// with padding of their own become, Squeeze(MaxPool3DWithArgmax or AvgPool3D(ExpandDims(x, 2)), 2).
// Nothing where `v` is something else.
std::optional<PoolNode> MatchPoolNode(const graph::Graph& graph, int v);

// Whether it divides by more, or less, than the pixels of its windows that lie on the map.
bool CountsPadding(const graph::Graph& graph, const PoolNode& pool);

std::vector<int> PoolKernel(const graph::NodeView& view);  // rows and columns
std::vector<int> PoolStride(const graph::NodeView& view);

// Window and padding of a pooling of maps `in`. With ceil_mode what is left over behind the last
// window becomes padding below and to the right; a window that would begin behind the map and the
// padding that was asked for there is left out.
ConvGeometry PoolGeometry(const graph::Graph& graph, const PoolNode& pool, const Shape& in);
PoolDivisor ReadDivisor(const graph::Graph& graph, const PoolNode& pool);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_POOL_NODE_H_
