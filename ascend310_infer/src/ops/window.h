// SPDX-License-Identifier: Apache-2.0
//
// The sliding window of convolutions and poolings: as MindIR writes it, its checks, its fields.
#ifndef ADABIN_OPS_WINDOW_H_
#define ADABIN_OPS_WINDOW_H_

#include <vector>

#include "ir/node_view.h"
#include "ir/plan.h"
#include "ops/fields.h"

namespace adabin::ops {

// The last two of {n, c, h, w}, or of {h, w}.
std::vector<int> Spatial(const ir::NodeView& view, const ir::Value& value, const char* what);
// Padding of a window whose other sizes are set; `pads` for mode "pad".
void SetPadding(const ir::NodeView& view, ir::NodeView::PadMode mode, const ir::Value* pads,
                const Shape& in, ConvGeometry* g);
void CheckFormat(const ir::NodeView& view);

// Checks the window and fills the sizes of its input and output.
void InferWindow(ir::Step* step, const Shape& in, int out_channels);
void WindowFields(Fields& fields, ConvGeometry& g);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_WINDOW_H_
