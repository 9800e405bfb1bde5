// SPDX-License-Identifier: Apache-2.0
#include "ops/window.h"

#include <algorithm>

#include "base/error.h"
#include "ops/check.h"

namespace adabin::ops {
namespace {

using graph::NodeView;
using graph::Value;

constexpr int kMaxKernel = 1 << 10;

// "same": as many outputs as strides fit, the odd row of padding below and to the right.
void PadSame(int in, int kernel, int stride, int dilation, int* before, int* after) {
  if (stride < 1) return;  // refused later, with the other sizes
  const int64_t out = (int64_t{in} + stride - 1) / stride;
  const int64_t span = (out - 1) * stride + int64_t{kernel - 1} * dilation + 1;
  const int64_t total = std::max<int64_t>(span - in, 0);
  constexpr int64_t kLimit = 1 << 30;
  *before = static_cast<int>(std::min(total / 2, kLimit));
  *after = static_cast<int>(std::min(total - total / 2, kLimit));
}

}  // namespace

std::vector<int> Spatial(const NodeView& view, const Value& value, const char* what) {
  const bool four = value.kind == Value::Kind::kList && value.list.size() == 4;
  std::vector<int> all = view.ints(value, four ? 4 : 2, what);
  return {all[all.size() - 2], all[all.size() - 1]};
}

void SetPadding(const NodeView& view, NodeView::PadMode mode, const Value* pads, const Shape& in,
                ConvGeometry* g) {
  if (mode == NodeView::PadMode::kSame) {
    PadSame(in.h, g->kernel_h, g->stride_h, g->dilation_h, &g->pad_top, &g->pad_bottom);
    PadSame(in.w, g->kernel_w, g->stride_w, g->dilation_w, &g->pad_left, &g->pad_right);
  } else if (mode == NodeView::PadMode::kPad) {
    if (pads == nullptr) view.Fail("has no padding sizes");
    const std::vector<int> pad = view.ints(*pads, 4, "pad");
    g->pad_top = pad[0];
    g->pad_bottom = pad[1];
    g->pad_left = pad[2];
    g->pad_right = pad[3];
  }
}

void CheckFormat(const NodeView& view) {
  const Value* format = view.attribute("format");
  if (format == nullptr) format = view.attribute("data_format");
  if (format != nullptr && format->kind == Value::Kind::kString && format->s != "NCHW") {
    view.Fail("format " + Printable(format->s) + " is not supported; use NCHW");
  }
}

void InferWindow(graph::Step* step, const Shape& in, int out_channels) {
  ConvGeometry& g = step->geometry;
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  if (!within(g.kernel_h, 1, kMaxKernel) || !within(g.kernel_w, 1, kMaxKernel) ||
      !within(g.stride_h, 1, kMaxDim) || !within(g.stride_w, 1, kMaxDim) ||
      !within(g.dilation_h, 1, kMaxDim) || !within(g.dilation_w, 1, kMaxDim)) {
    Fail(*step, "kernel size, stride or dilation is out of range");
  }
  for (const int pad : {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}) {
    if (!within(pad, 0, kMaxDim)) Fail(*step, "padding is out of range");
  }
  const int64_t h =
      WindowOutput(in.h, g.pad_top + g.pad_bottom, g.kernel_h, g.stride_h, g.dilation_h);
  const int64_t w =
      WindowOutput(in.w, g.pad_left + g.pad_right, g.kernel_w, g.stride_w, g.dilation_w);
  CheckShape(*step, out_channels, h, w);
  // The taps' coordinates are computed in int.
  if ((g.kernel_h - 1) * int64_t{g.dilation_h} > kMaxElements ||
      (g.kernel_w - 1) * int64_t{g.dilation_w} > kMaxElements) {
    Fail(*step, "the kernel's extent is too large");
  }
  g.in = in;
  g.out = {out_channels, static_cast<int>(h), static_cast<int>(w)};
}

void WindowFields(Fields& fields, ConvGeometry& g) {
  for (int* field :
       {&g.kernel_h, &g.kernel_w, &g.stride_h, &g.stride_w, &g.dilation_h, &g.dilation_w,
        &g.pad_top, &g.pad_bottom, &g.pad_left, &g.pad_right, &g.groups}) {
    fields.Number(*field);
  }
}

}  // namespace adabin::ops
