// SPDX-License-Identifier: Apache-2.0
//
// One graph operator to one plan step: attributes and constants only, no patterns.
#ifndef ADABIN_LOWER_CONVERT_H_
#define ADABIN_LOWER_CONVERT_H_

#include <vector>

#include "ir/graph.h"
#include "ir/plan.h"
#include "lower/patterns.h"

namespace adabin::lower {

// A float convolution of a map of shape `in`.
ir::Step ConvertConv2D(const ir::Graph& graph, const ir::Node& node, const Shape& in);

// Every other operator that stands alone and reads one feature map, of shape `in`. Throws Error
// naming the operator when it is not supported. `batch` is the exported batch size, which shapes in
// the graph contain and steps do not.
ir::Step ConvertOperator(const ir::Graph& graph, const ir::Node& node, const Shape& in,
                         int64_t batch);

// Whether a pooling takes every n-th pixel and does nothing else, and whether it looks at every
// pixel of its map: then the two are one pooling, whose windows are n pixels apart.
bool OnlySubsamples(const ir::Graph& graph, const ir::Node& node);
bool PoolsEveryPixel(const ir::Graph& graph, const ir::Node& node);
ir::Step ConvertSubsampledPool(const ir::Graph& graph, const ir::Node& pool,
                               const ir::Node& subsampling, const Shape& in);

// Writes per-channel values into a step; a single value is repeated.
void SetAffine(const std::vector<double>& scale, const std::vector<double>& shift, int channels,
               ir::Step* step);
void SetBinarizer(const Binarizer& binarizer, ir::Step* step);
void SetActivation(const ActivationMatch& activation, int channels, ir::Step* step);

}  // namespace adabin::lower

#endif  // ADABIN_LOWER_CONVERT_H_
