// SPDX-License-Identifier: Apache-2.0
//
// The sliding window of convolutions and poolings: as MindIR writes it, its checks, its fields.
#ifndef ADABIN_OPS_WINDOW_H_
#define ADABIN_OPS_WINDOW_H_

#include <vector>

#include "graph/node_view.h"
#include "graph/plan.h"
#include "ops/fields.h"

namespace adabin::ops {

// The last two of {n, c, h, w}, or of {h, w}.
std::vector<int> Spatial(const graph::NodeView& view, const graph::Value& value, const char* what);
// Padding of a window whose other sizes are set; `pads` for mode "pad".
void SetPadding(const graph::NodeView& view, graph::NodeView::PadMode mode,
                const graph::Value* pads, const Shape& in, ConvGeometry* g);
void CheckFormat(const graph::NodeView& view);

// Checks the window and fills the sizes of its input and output.
void InferWindow(graph::Step* step, const Shape& in, int out_channels);
void WindowFields(Fields& fields, ConvGeometry& g);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_WINDOW_H_
